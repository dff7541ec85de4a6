"""Networks from files: the project's own weights, and any project's network as ONNX or torch.export program."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from deresunet.classes import ClassSet
from deresunet.config import Preprocessing, from_mapping
from deresunet.errors import InputError, first_line
from deresunet.inference.devices import resolve_device
from deresunet.inference.network import USUAL_SIZE, Network, network_of, read_weights
from deresunet.inference.postprocessing import OutputSpec
from deresunet.inference.preprocessing import Modality, RawBatch, depth_input, rgb_input
from deresunet.inference.signature import Input, Port, Settings, fixed_size, recognise_inputs
from deresunet.inference.smoothing import HeadMode
from deresunet.model import validation
from deresunet.model.checkpoint import Checkpoint, sha256_of

# Runs a file's network: the inputs by name -> all outputs by name.
Forward = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
# Where a .pt2 file of ours keeps its description.
DESCRIPTION_FILE = "deresunet.json"


@dataclass(frozen=True)
class Program:
    """A network as its file declares it.

    Attributes:
        inputs: in order.
        forward: runs it.
        device: where it runs, and where its inputs and outputs lie.
        backend: what runs it.
        metadata: description that our own export wrote; each entry JSON or text.
    """

    inputs: tuple[Port, ...]
    forward: Forward
    device: torch.device
    backend: str
    metadata: Mapping[str, str]


def open_network(
    file: str | os.PathLike[str] | None = None,
    device: str = "auto",
    backend: str = "auto",
    head: HeadMode = "smooth",
    name: str = "",
) -> Network:
    """Open the network of a file, of a registered model, or the bundled one.

    Args:
        file: see `load`.
        device: see `network_of`.
        backend: see `network_of`; programs run as they are, whatever it is.
        head: see `network_of`.
        name: what the network is called in results; its file's name where left out.

    Raises:
        InputError: the file cannot be used, or what it takes or gives is not understood.
    """
    path = Path(os.fspath(file or ""))
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        weights = read_weights(file)
        return network_of(replace(weights, name=name or weights.name), device, backend, head)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Expected a network as {', '.join(_READERS)}, .safetensors or .ckpt.")
    settings = Settings.beside(path)
    program = reader(path, resolve_device(device))
    try:
        return _understood(program, settings, path, name or path.name)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error


def _understood(program: Program, settings: Settings, path: Path, name: str) -> Network:
    """Network of a program whose inputs and output are understood, by shapes, names and a trial run."""
    inputs = recognise_inputs(program.inputs, settings)
    try:
        told = {key: json.loads(program.metadata.get(key, "{}")) for key in ("preprocessing", "classes", "metrics")}
        base = from_mapping(Preprocessing, told["preprocessing"])
        described = validation.check_classes(told["classes"]) if told["classes"] else None
        metrics = validation.check_metrics(told["metrics"])
        training = validation.check_text("training", program.metadata.get("training", ""))
    except (ValueError, TypeError) as error:
        raise InputError(f"Its metadata cannot be used ({first_line(error)}).") from error
    preprocessing = settings.preprocessing(base, fixed_size(program.inputs, inputs))
    run = _try_out(program, inputs, settings, preprocessing, described)
    source = settings.source or ("its own metadata" if told["preprocessing"] else "no network.yaml: all by default")
    understood = f"{run.describe()}; preprocessing and classes by {source}{settings.note}"
    sha256 = sha256_of(path)
    if settings.given:  # other numbers are another network
        sha256 = hashlib.sha256((sha256 + json.dumps(settings.given, sort_keys=True)).encode()).hexdigest()
    checkpoint = Checkpoint(
        {},
        None,
        preprocessing,
        run.class_set,
        training=f"{training or 'Not stated.'} As understood: {understood}",
        metrics=metrics,
        name=name,
        sha256=sha256,
        stored=path.suffix.removeprefix("."),
    )
    roles = {one.role for one in inputs}
    takes: Modality = "rgb" if roles == {"rgb"} else "depth" if roles == {"depth"} else "rgbd"
    return Network(
        checkpoint,
        program.device,
        program.backend,
        "float32",
        run,
        architecture=f"{path.suffix.removeprefix('.')} file",
        takes=takes,
        scores=run.kind != "labels",
    )


@dataclass(frozen=True)
class _Runner:
    """A `Pass` over a program: what its inputs hold, and what its output is.

    Attributes:
        output: name of the output that is taken.
        kind: whether it is logits, probabilities, or labels 0..classes - 1.
        channels_last: whether its classes are the last dimension.
        class_set: the classes.
    """

    program: Program
    inputs: tuple[Input, ...]
    output: str
    kind: Literal["logits", "probabilities", "labels"]
    channels_last: bool
    class_set: ClassSet

    def __call__(self, batch: RawBatch, units: Preprocessing | None, outputs: OutputSpec) -> tuple[Tensor, ...]:
        """Run a batch; see `Pass`."""
        found = run_program(self.program, self.inputs, batch, units)[self.output]
        if self.kind == "labels":
            labels = found.reshape(len(found), 1, *found.shape[-2:])
            low, high = (int(one) for one in torch.aminmax(labels))
            if low < 0 or high >= len(self.class_set):
                raise InputError(
                    f"The network gave labels {low}..{high}; expected 0..{len(self.class_set) - 1}, as of "
                    f"{self.class_set.name}. Give the classes that it knows in network.yaml."
                )
            return outputs.postprocess_labels((labels + 1).to(torch.uint8))
        scores = (found.permute(0, 3, 1, 2) if self.channels_last else found).float()
        return outputs.postprocess(scores.clamp_min(1e-12).log() if self.kind == "probabilities" else scores)

    def describe(self) -> str:
        """Describe how inputs and output were understood."""
        taken = ", ".join(f"{one.name} as {one.role} in {one.channels} channels" for one in self.inputs)
        return f"{taken}; {self.output} as {self.kind} of {len(self.class_set)} classes ({self.class_set.name})"


def run_program(
    program: Program, inputs: Sequence[Input], batch: RawBatch, units: Preprocessing | None
) -> dict[str, Tensor]:
    """All outputs of a program, by name, for a batch that is brought to its inputs' channels, layout and type.

    Raises:
        InputError: the program fails.
    """
    rgb, depth = rgb_input(batch.rgb, batch.has_rgb, units), depth_input(batch.depth, batch.has_depth, units)
    feeds = {}
    for one in inputs:
        if one.dtype == "uint8":  # the network normalises by itself
            image = torch.where(batch.has_rgb.view(-1, 1, 1, 1), batch.rgb.float().round(), 0.0)
        else:
            image = rgb if one.role == "rgb" else depth if one.role == "depth" else torch.cat([rgb, depth], 1)
        image = image.expand(-1, one.channels, -1, -1)
        image = image.permute(0, 2, 3, 1) if one.channels_last else image
        feeds[one.name] = image.to(getattr(torch, one.dtype)).contiguous()
    try:
        if program.inputs[0].shape[0] is None:
            return program.forward(feeds)
        singles = [program.forward({key: value[k : k + 1] for key, value in feeds.items()}) for k in range(len(rgb))]
    except Exception as error:  # whatever a runtime raises
        height, width = rgb.shape[-2:]
        raise InputError(f"It cannot be run on {height}x{width} ({first_line(error)}).") from error
    return {key: torch.cat([single[key] for single in singles]) for key in singles[0]}


def _try_out(
    program: Program,
    inputs: tuple[Input, ...],
    settings: Settings,
    preprocessing: Preprocessing,
    described: ClassSet | None,
) -> _Runner:
    """Run a program once, on nothing, and tell what its outputs are."""
    size = preprocessing.network_size(*USUAL_SIZE)
    blank = torch.zeros(1, 3, *size), torch.zeros(1, 1, *size), torch.ones(1, dtype=torch.bool)
    with torch.inference_mode():
        batch = RawBatch(*(one.to(program.device) for one in (*blank, blank[2])))
        outputs = run_program(program, inputs, batch, preprocessing)
    wanted = settings.given.get("output")
    if wanted is not None and wanted not in outputs:
        raise InputError(f"It has no output {str(wanted)[:50]!r}; its outputs are {', '.join(outputs)}.")
    nhwc_first = settings.given.get("layout") == "NHWC" or all(one.channels_last for one in inputs)
    # The usual names come first, the auxiliary head that training leaves behind last.
    names = (
        [wanted]
        if wanted
        else sorted(outputs, key=lambda name: (name not in ("logits", "out", "output"), name == "aux"))
    )
    for name in names:
        found = outputs[name]
        if found.is_floating_point() and found.ndim == 4:
            for channels_last in (nhwc_first, not nhwc_first):
                count, (height, width) = (
                    (found.shape[3], found.shape[1:3])
                    if channels_last
                    else (
                        found.shape[1],
                        found.shape[2:4],
                    )
                )
                if count > 1 and abs(height * size[1] / (width * size[0]) - 1) < 0.1:
                    whole = found.sum(3 if channels_last else 1)
                    sure = bool((found >= 0).all()) and bool(((whole - 1).abs() < 1e-3).all())
                    classes = settings.class_set(count, described)
                    return _Runner(program, inputs, name, "probabilities" if sure else "logits", channels_last, classes)
        elif not found.is_floating_point() and (found.ndim == 3 or (found.ndim == 4 and found.shape[1] == 1)):
            return _Runner(program, inputs, name, "labels", False, settings.class_set(None, described))
    listed = "; ".join(f"{name} {'x'.join(map(str, one.shape))} {one.dtype}" for name, one in outputs.items())
    raise InputError(
        f"Its outputs are {listed}. Expected scores (1, classes, h, w) or labels (1, h, w) of an input of "
        f"{size[0]}x{size[1]}; if one is, name it in output of network.yaml."
    )


def _read_onnx(path: Path, device: torch.device) -> Program:
    if importlib.util.find_spec("onnxruntime") is None:
        raise InputError(f"{path.name} needs onnxruntime, not installed here. Run: pip install onnxruntime")
    runtime: Any = importlib.import_module("onnxruntime")
    on_cuda = device.type == "cuda" and "CUDAExecutionProvider" in runtime.get_available_providers()
    provider = ("CUDAExecutionProvider", {"device_id": device.index or 0}) if on_cuda else "CPUExecutionProvider"
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    try:
        session = runtime.InferenceSession(path, options, providers=[provider])
    except Exception as error:  # whatever the runtime raises of a file that is none
        raise InputError(f"{path.name} is no whole ONNX file ({first_line(error)}). Export it again.") from error
    names = tuple(one.name for one in session.get_outputs())

    def forward(feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
        found = session.run(list(names), {name: tensor.cpu().numpy() for name, tensor in feeds.items()})
        return {name: torch.from_numpy(one).to(here) for name, one in zip(names, found, strict=True)}

    here = device if on_cuda else torch.device("cpu")
    inputs = tuple(
        Port(
            one.name,
            tuple(side if isinstance(side, int) else None for side in one.shape),
            _ONNX_TYPES.get(one.type, one.type),
        )
        for one in session.get_inputs()
    )
    return Program(inputs, forward, here, "onnxruntime", session.get_modelmeta().custom_metadata_map)


def _read_program(path: Path, device: torch.device) -> Program:
    extra = {DESCRIPTION_FILE: ""}
    try:
        _refuse_pickles(path)
        exported = torch.export.load(path, extra_files=extra)
        names = [str(name) for name in exported.graph_signature.user_inputs]
        values = {node.name: node.meta["val"] for node in exported.graph.nodes if node.op == "placeholder"}
        inputs = tuple(
            Port(
                name,
                tuple(side if isinstance(side, int) else None for side in values[name].shape),
                str(values[name].dtype).removeprefix("torch."),
            )
            for name in names
        )
        network = exported.module().to(device)
    except InputError:
        raise
    except Exception as error:  # whatever PyTorch raises of a file that is none
        raise InputError(
            f"{path.name} is no whole program of torch.export ({first_line(error)}). Export it again, with this "
            "PyTorch."
        ) from error

    def forward(feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
        found = network(*(feeds[name] for name in names))
        found = (
            found
            if isinstance(found, dict)
            else {"output": found}
            if isinstance(found, Tensor)
            else dict(enumerate(found))
        )
        return {str(name): one for name, one in found.items()}

    described = json.loads(extra[DESCRIPTION_FILE] or "{}")
    return Program(inputs, forward, device, "torch.export", described)


def _refuse_pickles(path: Path) -> None:
    """Refuse a .pt2 file with what PyTorch would unpickle without `weights_only`: it could run code."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            name = member.rsplit("/", 1)[-1]
            if name.endswith(".pt"):
                torch.load(io.BytesIO(archive.read(member)), map_location="cpu", weights_only=True)
            pickled = name.endswith("_config.json") and b'"use_pickle": true' in archive.read(member)
            if pickled or name.startswith(("custom_obj", "opaque_obj")):
                raise InputError(
                    f"{path.name} holds pickled objects ({name[:80]}), which could run code. Export it without."
                )


_ONNX_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
_READERS: dict[str, Callable[[Path, torch.device], Program]] = {".onnx": _read_onnx, ".pt2": _read_program}
