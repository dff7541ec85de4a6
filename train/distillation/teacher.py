"""The teacher: its weights on disk, of this and earlier versions, and DINOv2's; see `deresunet.model.vit`."""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from timm.models import load_checkpoint
from timm.models.vision_transformer import checkpoint_filter_fn
from torch import Tensor

from deresunet.classes import ClassSet
from deresunet.config import ViTConfig
from deresunet.errors import InputError, first_line
from deresunet.model.checkpoint import (
    LIGHTNING_AVERAGE_PREFIX,
    LIGHTNING_PREFIX,
    Precision,
    class_set_of,
    decode,
    save_checkpoint,
)
from deresunet.model.vit import RGBDViT

# Errors of reading a file that is no whole file of weights.
UNREADABLE = (SafetensorError, pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, OSError)


def load_teacher(path: str | os.PathLike[str]) -> RGBDViT:
    """A teacher from its weights (.safetensors) or from a checkpoint of its own training (.ckpt), in eval mode.

    Raises:
        InputError: the file is missing, truncated, or not a teacher's.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: no such file. Expected a teacher's weights, .safetensors or .ckpt of `train distill`."
        )
    state = lightning_state(path) if path.suffix == ".ckpt" else _safetensors_state(path)
    state = timm_names(state)
    if "out.weight" not in state or "vit.pos_embed" not in state:
        raise InputError(f"{path.name} holds no teacher: out.weight and vit.pos_embed are not both in it.")
    teacher = RGBDViT(ViTConfig(num_classes=state["out.weight"].shape[0]))
    try:
        teacher.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"{path.name} does not fit the teacher: {error}") from error
    return teacher.eval()


# Names of the published weights' transformer, and timm's.
_TO_TIMM = (
    (r"^vit\.pe\.", "vit.patch_embed.proj."),
    (r"^vit\.cls$", "vit.cls_token"),
    (r"^(vit\.blocks\.\d+)\.n([12])\.", r"\1.norm\2."),
    (r"^(vit\.blocks\.\d+)\.o\.", r"\1.attn.proj."),
    (r"^(vit\.blocks\.\d+)\.f([12])\.", r"\1.mlp.fc\2."),
    (r"^(vit\.blocks\.\d+)\.g([12])$", r"\1.ls\2.gamma"),
)


def timm_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename a teacher's tensors from the published weights' names to timm's; others stay as they are.

    Published weights keep query, key and value apart, and the class token's position apart from the patches'.
    """
    if "vit.pos" not in state:
        return state
    state = dict(state)
    renamed = {"vit.pos_embed": torch.cat([state.pop("vit.pos_cls"), state.pop("vit.pos")], 1)}
    for name in [name for name in state if re.fullmatch(r"vit\.blocks\.\d+\.q\.(weight|bias)", name)]:
        block, _, kind = name.rpartition(".q.")
        thirds = [state.pop(f"{block}.{part}.{kind}") for part in "qkv"]
        renamed[f"{block}.attn.qkv.{kind}"] = torch.cat(thirds)
    for name, tensor in state.items():
        for pattern, replacement in _TO_TIMM:
            name = re.sub(pattern, replacement, name)  # noqa: PLW2901
        renamed[name] = tensor
    return renamed


def load_dinov2(teacher: RGBDViT, path: str | os.PathLike[str]) -> None:
    """Start a teacher's transformer from DINOv2; its depth embedding and its head stay as they are.

    Args:
        teacher: changed in place.
        path: DINOv2 ViT-S/14 as Meta's `dinov2_vits14_pretrain.pth`, or timm's as .safetensors or .pth.

    Raises:
        InputError: the file is missing, or is not DINOv2 ViT-S/14.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Expected DINOv2 ViT-S/14, such as dinov2_vits14_pretrain.pth.")
    try:
        load_checkpoint(teacher.vit, str(path), filter_fn=checkpoint_filter_fn)
    except (*UNREADABLE, KeyError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path.name} is not DINOv2 ViT-S/14 ({first_line(error)}). Give Meta's dinov2_vits14_pretrain.pth, or "
            "timm's vit_small_patch14_dinov2.lvd142m."
        ) from error


def save_teacher(path: str | os.PathLike[str], teacher: RGBDViT, precision: Precision, training: str = "") -> None:
    """Write a teacher's weights as safetensors, whole or not at all.

    Args:
        path: file to write; an existing one is replaced.
        teacher: the network.
        precision: fp32, fp16 or int8, see `deresunet.model.checkpoint.save_checkpoint`.
        training: description of how the weights came about.
    """
    count = teacher.config.num_classes
    classes = class_set_of(count) or ClassSet(f"{count} classes", tuple(f"class {k + 1}" for k in range(count)))
    save_checkpoint(path, teacher, precision=precision, training=training, class_set=classes)


def _safetensors_state(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return decode({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - not a mapping
    except UNREADABLE as error:
        raise InputError(f"{path.name} is not a whole file of weights ({first_line(error)}).") from error


def lightning_state(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Tensors of the network in a .ckpt of training: those of the running average where there is one.

    Raises:
        InputError: the file is missing, truncated, or no checkpoint of training.
    """
    path = Path(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    except (*UNREADABLE, KeyError, TypeError) as error:
        raise InputError(f"{path.name} is not a whole checkpoint of training ({first_line(error)}).") from error
    averaged = any(name.startswith(LIGHTNING_AVERAGE_PREFIX) for name in state)
    prefix = LIGHTNING_AVERAGE_PREFIX if averaged else LIGHTNING_PREFIX
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
