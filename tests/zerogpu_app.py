"""The inspector on an emulated ZeroGPU: test_zerogpu.py runs it in a process of its own and reads what it prints.

What takes the weights to the GPU in a worker (`init` and `move` of the `spaces` package) takes them to the CPU instead:
as far as this can go without the platform.
"""

import itertools
import json
import logging
import os
import sys
from pathlib import Path


class Order:
    """The order in which modules are first looked for."""

    def __init__(self):
        self.names = []

    def find_spec(self, name, *_):
        self.names.append(name)


order = Order()
sys.meta_path.insert(0, order)

import app  # noqa: E402, F401 - what a Space runs

sys.meta_path.remove(order)

import gradio as gr  # noqa: E402
import httpx  # noqa: E402
import numpy as np  # noqa: E402
import spaces.zero.torch  # noqa: E402
import torch  # noqa: E402
from spaces.zero.torch import patching  # noqa: E402

from demo import page as ui  # noqa: E402
from demo.deploy import zerogpu  # noqa: E402
from demo.inspect import messages  # noqa: E402
from demo.inspect.panels import Look  # noqa: E402
from demo.inspector import DatasetFrame, Inspector, Upload  # noqa: E402
from demo.serving import QUEUE_SIZE  # noqa: E402
from deresunet import load  # noqa: E402
from deresunet.data.folder import SAMPLES_DIR, sample_rooms  # noqa: E402
from deresunet.model.checkpoint import Checkpoint  # noqa: E402


def to_the_cpu(predictor):
    """Have workers take the packed weights to the CPU, and the network run there."""

    def move(callback=None):
        predictor.network.device, predictor.network.precision = torch.device("cpu"), "float32"
        for pack in patching.tensor_packs:
            with Path(pack.path()).open("rb") as file:
                for packed, size, aligned in [*itertools.chain(*pack.batches), *pack.big_tensors]:
                    storage = torch.frombuffer(bytearray(file.read(aligned))[:size], dtype=torch.uint8)
                    whole = torch.tensor([], dtype=packed.dtype)
                    whole = whole.set_(storage.untyped_storage(), 0, packed.shape, packed.stride())
                    for fake in pack.fakes[packed]:
                        fake.data = whole

    spaces.zero.torch.init = lambda _uuid: None
    spaces.zero.torch.move = move


def answer(inspector, origin):
    try:
        seen = inspector.open(origin)
    except gr.Error as error:
        return {"error": str(error.message), "title": getattr(error, "title", "")}
    return {
        "label": np.bincount(seen.label.ravel(), minlength=38).tolist(),
        "provenance": seen.described["provenance"],
        "caption": messages.captions(seen, Look())[3],
        "line": messages.provenance_line(seen),
        "again": isinstance(origin, DatasetFrame) and inspector.open(origin) is seen,
    }


def main():
    logging.basicConfig(level=logging.WARNING)
    networks = []
    build = Checkpoint.build
    Checkpoint.build = lambda checkpoint: networks.append(build(checkpoint)) or networks[-1]
    predictor = load()
    tensors = [*networks[0].parameters(), *networks[0].buffers()]
    told = {
        "order": [name for name in order.names if name in ("spaces", "torch", "gradio")],
        "device": str(predictor.device),
        "devices": sorted({tensor.device.type for tensor in tensors}),
    }
    to_the_cpu(predictor)
    inspector = Inspector(zerogpu.predictor_for(predictor), {"sample rooms": sample_rooms()})
    page = ui.build(inspector).queue(max_size=QUEUE_SIZE)
    page.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    told["queue"] = page._queue.max_size
    room, upload = DatasetFrame("sample rooms", "0001"), Upload(rgb=str(SAMPLES_DIR / "rgb" / "0001.jpg"))
    for refusal in ("quota", "no_gpu"):
        httpx.post(f"{os.environ['SPACES_ZERO_DEVICE_API_URL']}/refuse/{refusal}")
        told[refusal] = {"room": answer(inspector, room), "upload": answer(inspector, upload)}
    httpx.post(f"{os.environ['SPACES_ZERO_DEVICE_API_URL']}/grant")
    told["granted"] = answer(inspector, room)
    print("\n" + json.dumps(told))
    page.close()


main()
