"""The inspector on an emulated ZeroGPU: test_zerogpu.py runs it in a process of its own and reads what it prints.

What takes the weights to the GPU in a worker (`init` and `move` of the `spaces` package) takes them to the CPU instead:
as far as this can go without the platform.
"""

import asyncio
import base64
import itertools
import json
import logging
import os
import sys
import time
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
from gradio.state_holder import SessionState  # noqa: E402
from spaces.zero.torch import patching  # noqa: E402
from starlette.requests import Request as Asked  # noqa: E402

from demo import page as ui  # noqa: E402
from demo.dataset.audit_tab import Audits  # noqa: E402
from demo.dataset.evaluations import Evaluations  # noqa: E402
from demo.dataset.progress import Run  # noqa: E402
from demo.deploy import zerogpu  # noqa: E402
from demo.inspector import DatasetFrame, Inspector, Upload  # noqa: E402
from demo.server.guard import GuardedBlocks  # noqa: E402
from demo.serving import QUEUE_SIZE  # noqa: E402
from deresunet import load  # noqa: E402
from deresunet.data.folder import SAMPLES_DIR, sample_rooms  # noqa: E402
from deresunet.data.readers import open_reader  # noqa: E402
from deresunet.model.checkpoint import Checkpoint  # noqa: E402

SCHEDULER = os.environ["SPACES_ZERO_DEVICE_API_URL"]


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


def token_of(visitor):
    """What the hub puts into the requests of a visitor's page: three parts, the middle one base64 of JSON."""
    return f"head.{base64.urlsafe_b64encode(json.dumps({'user': visitor}).encode()).decode().rstrip('=')}.sign"


class Page:
    """Blocks with one event for each function that asks for a GPU, run as visitors' requests run them."""

    def __init__(self):
        self.blocks = GuardedBlocks()

    def ask(self, visitor, function, *values):
        """What comes of an event of `visitor`'s, or the words of the error."""
        came = []
        with self.blocks:
            gr.Button().click(lambda *given: came.append(function(*given)), [gr.State(None) for _ in values])
        index = max(self.blocks.fns)
        headers = [(b"x-ip-token", token_of(visitor).encode())]
        request = gr.Request(Asked({"type": "http", "method": "POST", "path": "/", "headers": headers}))
        state = SessionState(self.blocks)
        for component, value in zip(self.blocks.fns[index].inputs, values, strict=True):
            state[component._id] = value
        try:
            asked = self.blocks.process_api(index, [None] * len(values), state, request, session_hash=visitor)
            asyncio.run(asked)
        except gr.Error as error:
            return {"error": str(error.message), "title": getattr(error, "title", "")}
        return came[0]


def mark(what):
    """Have the scheduler note that what is asked from now on is asked for `what`."""
    httpx.post(f"{SCHEDULER}/mark/{what}")


def refuse(name):
    httpx.post(f"{SCHEDULER}/refuse/{name}" if name else f"{SCHEDULER}/grant")


def evaluated(page, evaluations, request, visitors):
    """The end of an evaluation that the first visitor starts and all follow, the last one at last."""
    page.ask(visitors[0], lambda: evaluations.start(request, visitors[0]))
    while True:
        for visitor in visitors:
            page.ask(visitor, lambda visitor=visitor: evaluations.progress(request, visitor).done)
        progress = evaluations.progress(request)
        if progress.state not in ("waiting", "running"):
            return vars(progress)
        time.sleep(0.01)


def main():
    logging.basicConfig(level=logging.WARNING)
    networks = []
    build = Checkpoint.build
    Checkpoint.build = lambda checkpoint: networks.append(build(checkpoint)) or networks[-1]
    predictor = load(sys.argv[3])
    tensors = [*networks[0].parameters(), *networks[0].buffers()]
    told = {
        "order": [name for name in order.names if name in ("spaces", "torch", "gradio")],
        "device": str(predictor.device),
        "devices": sorted({tensor.device.type for tensor in tensors}),
    }
    to_the_cpu(predictor)
    readers = {"sample rooms": sample_rooms(), "small": open_reader(root=sys.argv[1], split="all")}
    inspector = Inspector(zerogpu.predictor_for(predictor), readers)
    launched = ui.build(inspector).queue(max_size=QUEUE_SIZE)
    launched.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    told["queue"] = launched._queue.max_size
    evaluations = Evaluations(inspector.checkpoints, readers, Path(sys.argv[2]))
    audits, page = Audits(evaluations), Page()
    room, upload = DatasetFrame("sample rooms", "0001"), Upload(rgb=str(SAMPLES_DIR / "rgb" / "0001.jpg"))
    request = Run("small")

    def answer(inspection):
        return {
            "label": np.bincount(inspection.label.ravel(), minlength=38).tolist(),
            "provenance": inspection.described["provenance"],
        }

    def lapsed():
        kept = inspector.kept(room)
        inspector._inspections._kept.clear()
        return page.ask("ben", answer, kept)

    compare = next(block.fn for block in launched.fns.values() if block.name == "on_compare")
    first = inspector.checkpoints.first_name

    def compared():
        shown = page.ask("ann", lambda: compare(DatasetFrame("small", "1"), first, "rgb", first, "depth"))
        return shown if isinstance(shown, dict) else shown[2]

    paths = {
        "inspect": lambda: page.ask("ann", lambda: answer(inspector.open(room))),
        "upload": lambda: page.ask("ann", lambda: inspector.segment(upload)[1]["provenance"]),
        "lapsed": lapsed,
        "ablation": lambda: page.ask("ann", lambda: sorted(inspector.kept_ablation(DatasetFrame("small", "0")).get())),
        "compare": compared,
        "audit": lambda: page.ask("ann", lambda: audits.of(request).frames),
        "evaluation": lambda: evaluated(page, evaluations, request, ("ann", "ben")),
    }
    for refusal in ("quota", "no_gpu", "expired", ""):
        refuse(refusal)
        told[refusal or "granted"] = {}
        for name, path in paths.items():
            mark(f"{refusal}-{name}")
            told[refusal or "granted"][name] = path()
    mark("again")
    told["again"] = page.ask("ann", lambda: inspector.open(room) is inspector.open(room))
    print("\n" + json.dumps(told))
    launched.close()


main()
