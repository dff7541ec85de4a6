"""Inputs and outputs of a network file of any project: recognised by shapes and names, or stated in `network.yaml`.

preset: esanet-nyuv2       # numbers of a project, see PRESETS; what follows changes them
rgb_mean: [0.485, 0.456, 0.406]     # of RGB in 0..1; ImageNet's where left out
rgb_std: [0.229, 0.224, 0.225]
depth_mean: 2842           # of depth in depth_unit
depth_std: 1417
depth_unit: mm             # m, cm, mm, or the number of units in a metre
depth_invalid: 0           # what the network gets where depth is missing
size: [480, 640]           # height and width, where the file takes any
multiple_of: 32            # of both sides, where there is no size
pixels: 307200             # about this many, where there is no size
classes: nyu40             # a built-in set, a file, or a list of names; output k is class k + 1
inputs: {input.1: rgb, input.2: depth}      # rgb, depth or rgbd
layout: NCHW               # or NHWC, of all inputs and of the output
output: logits             # the output's name, where there are several
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from deresunet.classes import ClassSet
from deresunet.config import Preprocessing
from deresunet.data.text_files import read_text
from deresunet.errors import InputError, first_line
from deresunet.model.checkpoint import class_set_of

Role = Literal["rgb", "depth", "rgbd"]
_CHANNELS = {3: "rgb", 1: "depth", 4: "rgbd"}
_UNITS_PER_METRE = {"m": 1.0, "cm": 100.0, "mm": 1000.0}
# Parts of names by which other projects call depth where it has three channels as RGB has (DFormer: modal_x).
_DEPTH_NAMES = re.compile(r"depth|disp|hha|modal|thermal|(^|[^a-z])[dx]([^a-z]|$)", re.IGNORECASE)
_RGB_NAMES = re.compile(r"rgb|image|img|colou?r|pixel", re.IGNORECASE)
_KEYS = (
    *("preset", "rgb_mean", "rgb_std", "depth_mean", "depth_std", "depth_unit", "depth_invalid"),
    *("size", "multiple_of", "pixels", "classes", "inputs", "layout", "output"),
)

PRESETS: dict[str, dict[str, Any]] = {
    # github.com/TUI-NICR/ESANet, src/datasets/nyuv2/pytorch_dataset.py (mean and deviation of refined depth, mm),
    # src/preprocessing.py (ImageNet's RGB; 0 where depth is missing), src/args.py (480x640).
    "esanet-nyuv2": {
        "depth_mean": 2841.94941272766,
        "depth_std": 1417.2594281672277,
        "depth_unit": "mm",
        "size": [480, 640],
        "classes": "nyu40",
    },
    # The same, src/datasets/sunrgbd/pytorch_dataset.py: of SUN RGB-D's PNGs as they are, whose values are rotated by
    # three bits, 8 to a millimetre.
    "esanet-sunrgbd": {
        "depth_mean": 19025.14930492213,
        "depth_std": 9880.916071806689,
        "depth_unit": 8000,
        "size": [480, 640],
        "classes": "sunrgbd37",
    },
    # github.com/VCIP-RGBD/DFormer, utils/dataloader/dataloader.py (mean 0.48 and deviation 0.28 of 8-bit depth over
    # 255, missing depth normalised like any), local_configs/_base_/datasets/NYUDepthv2.py (ImageNet's RGB, 480x640, 40
    # classes). What 255 is in metres is published nowhere; NYU's 8-bit depth is usually of 10 m.
    "dformer": {
        "depth_mean": 0.48,
        "depth_std": 0.28,
        "depth_unit": 0.1,
        "depth_invalid": -0.48 / 0.28,
        "size": [480, 640],
        "classes": "nyu40",
        "note": "depth of 10 m taken as 255 in 8 bits, which DFormer's configuration does not say",
    },
    # github.com/qubvel-org/segmentation_models.pytorch, encoders/__init__.py (get_preprocessing_params of ImageNet's
    # weights); its decoders need sides that are multiples of 32. It knows no depth.
    "smp": {"multiple_of": 32},
    # github.com/open-mmlab/mmsegmentation, configs/_base_/datasets/ade20k.py: ImageNet's RGB, the shorter side 512
    # (683 x 512 at 4:3), void left out, so that output 0 is wall.
    "ade20k": {"pixels": 512 * 683, "multiple_of": 32, "classes": "ade20k150"},
}


@dataclass(frozen=True)
class Port:
    """An input or output as a file declares it; a side that may be of any length is None."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"

    def __str__(self) -> str:
        return f"{self.name} {'x'.join('any' if side is None else str(side) for side in self.shape)} {self.dtype}"


@dataclass(frozen=True)
class Input:
    """An input that is understood: what it holds, in how many channels, and whether they are the last dimension."""

    name: str
    role: Role
    channels: int
    channels_last: bool
    dtype: str


@dataclass(frozen=True)
class Settings:
    """Content of `network.yaml`, presets filled in; see this module."""

    given: Mapping[str, Any]
    source: str = ""

    @classmethod
    def beside(cls, path: Path) -> Settings:
        """Settings in `NAME.yaml` or `network.yaml` beside a network file; empty ones where there is neither.

        Raises:
            InputError: the file is no mapping of the keys that are known.
        """
        for place in (path.with_suffix(".yaml"), path.with_name("network.yaml")):
            if place.is_file():
                try:
                    content = yaml.safe_load(read_text(place)) or {}
                except (yaml.YAMLError, RecursionError, ValueError) as error:
                    raise InputError(f"{place.name} is no YAML: {first_line(error)}.") from error
                return cls.of(content, place)
        return cls({})

    @classmethod
    def of(cls, content: Any, place: Path) -> Settings:
        """Check the content of a settings file, and fill in its preset."""
        unknown = [str(key)[:50] for key in content if key not in _KEYS] if isinstance(content, Mapping) else ["list"]
        if not isinstance(content, Mapping) or unknown:
            raise InputError(f"{place.name} has {', '.join(unknown[:5])}; its keys are {', '.join(_KEYS)}.")
        preset = content.get("preset")
        if preset is not None and preset not in PRESETS:
            raise InputError(f"{place.name}: there is no preset {str(preset)[:50]!r}; there are {', '.join(PRESETS)}.")
        filled = {**PRESETS.get(str(preset), {}), **content}
        roles = filled.get("inputs", {})
        if not isinstance(roles, Mapping) or not set(roles.values()) <= set(_CHANNELS.values()):
            raise InputError(f"{place.name}: inputs is {str(roles)[:80]}; expected such as {{x: rgb, y: depth}}.")
        if filled.get("layout", "NCHW") not in ("NCHW", "NHWC"):
            raise InputError(f"{place.name}: layout is {str(filled['layout'])[:50]!r}; expected NCHW or NHWC.")
        if isinstance(filled.get("classes"), str) and (place.parent / filled["classes"]).is_file():
            filled["classes"] = str(place.parent / filled["classes"])
        return cls(filled, place.name)

    def preprocessing(self, base: Preprocessing, size: tuple[int, int] | None) -> Preprocessing:
        """Complete `base` by what is given.

        Args:
            base: what the file's own metadata says, or the defaults.
            size: height and width that the file alone takes, or None.

        Raises:
            InputError: a value is not what it should be.
        """
        given = self.given
        changed: dict[str, Any] = {}
        try:
            unit = given.get("depth_unit", "m")
            per_metre = float(_UNITS_PER_METRE.get(unit, unit))
            for key, field in (("depth_mean", "depth_mean_m"), ("depth_std", "depth_std_m")):
                if key in given:
                    changed[field] = float(given[key]) / per_metre
            names = {"depth_invalid": "depth_invalid", "multiple_of": "multiple_of", "pixels": "network_pixels"}
            changed |= {field: given[key] for key, field in names.items() if key in given}
            changed |= {key: tuple(given[key]) for key in ("rgb_mean", "rgb_std") if key in given}
            wanted = tuple(given["size"]) if "size" in given else None
            if size is not None and wanted not in (None, size):
                raise ValueError(f"size is {wanted}, but the network takes {size} alone")
            if size or wanted:
                changed["size"] = size or wanted
            return dataclasses.replace(base, **changed)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise InputError(f"{self.source}: {first_line(error)}.") from error

    @property
    def note(self) -> str:
        """Assumption of a preset, in brackets; or ""."""
        return f" ({self.given['note']})" if "note" in self.given else ""

    def class_set(self, count: int | None, described: ClassSet | None) -> ClassSet:
        """Class set of `count` outputs: the one given, else the file's own, else the built-in one of that length.

        The count is None where the network gives labels.

        Raises:
            InputError: the set has another length than the output, or there is none.
        """
        given = self.given.get("classes")
        chosen = described
        if isinstance(given, Sequence) and not isinstance(given, str):
            chosen = ClassSet.from_dict({"names": [str(one) for one in given]})
        elif given is not None:
            chosen = ClassSet.of(str(given))
        if chosen is None and count is not None:
            chosen = class_set_of(count)
        if chosen is None:
            raise InputError(
                f"The network gives {count or 'labels of some'} classes, and their names are not known. Write "
                "network.yaml beside it with classes: a built-in set, a file with one name a line, or a list."
            )
        if count is not None and len(chosen) != count:
            raise InputError(
                f"The network gives {count} classes, but {chosen.name} has {len(chosen)}. Name them all in classes of "
                "network.yaml, in the order of the outputs."
            )
        return chosen


def recognise_inputs(ports: Sequence[Port], settings: Settings) -> tuple[Input, ...]:
    """Tell which inputs are RGB, depth, or both in four channels, and how they are laid out.

    Raises:
        InputError: the inputs are none of these, or cannot be told apart without `inputs` or `layout` of the settings.
    """
    found = [_recognise(port, settings, alone=len(ports) == 1) for port in ports]
    roles = [one.role for one in found]
    if sorted(roles) not in (["rgb"], ["depth"], ["rgbd"], ["depth", "rgb"]):
        listed = "; ".join(f"{port} taken as {role}" for port, role in zip(ports, roles, strict=True))
        raise InputError(
            f"The network has {len(ports)} inputs: {listed}. Expected RGB, depth, both apart, or both in four "
            "channels. If they are, name them in inputs of network.yaml, such as {x: rgb, y: depth}."
        )
    return tuple(found)


def _recognise(port: Port, settings: Settings, alone: bool) -> Input:
    if len(port.shape) != 4:
        raise InputError(f"The input {port} has {len(port.shape)} dimensions; expected an image, 1x3x480x640 or so.")
    layout = settings.given.get("layout")
    channels_last = layout == "NHWC" or (
        layout is None and port.shape[1] not in _CHANNELS and port.shape[3] in _CHANNELS
    )
    channels = port.shape[3 if channels_last else 1]
    role = settings.given.get("inputs", {}).get(port.name)
    if role is None and channels == 3:
        depth, rgb = _DEPTH_NAMES.search(port.name), _RGB_NAMES.search(port.name)
        role = "rgb" if rgb and not depth else "depth" if depth and not rgb else "rgb" if alone else None
        if role is None:
            raise InputError(
                f"The input {port} may be RGB or depth in three channels. Say which in network.yaml, such as "
                f"inputs: {{{port.name}: rgb}}."
            )
    role = role or _CHANNELS.get(channels or 0)
    allowed = {"rgb": (3,), "depth": (1, 3), "rgbd": (4,)}.get(str(role), ())
    if channels not in allowed:
        raise InputError(
            f"The input {port} has {channels or 'any number of'} channels{f' for {role}' if role else ''}; expected 3 "
            "for RGB, 1 or 3 for depth, 4 for both. Write layout: NHWC into network.yaml if its channels are the last."
        )
    if port.dtype not in ("float32", "float16", "uint8"):
        raise InputError(f"The input {port} is {port.dtype}; expected float32, float16 or uint8.")
    return Input(port.name, role, channels, channels_last, port.dtype)  # type: ignore[arg-type]


def fixed_size(ports: Sequence[Port], inputs: Sequence[Input]) -> tuple[int, int] | None:
    """Height and width that the inputs alone take, or None where both sides are free.

    Raises:
        InputError: two inputs take different sizes, or one side is fixed and the other not.
    """
    sizes = {
        (port.shape[1:3] if one.channels_last else port.shape[2:4]) for port, one in zip(ports, inputs, strict=True)
    }
    if len(sizes) > 1 or any((height is None) != (width is None) for height, width in sizes):
        raise InputError(f"The inputs {'; '.join(map(str, ports))} have different sizes. Export all with one size.")
    height, width = sizes.pop()
    return None if height is None or width is None else (height, width)
