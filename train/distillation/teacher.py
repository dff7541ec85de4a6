"""The teacher: a DINOv2 ViT-S/14 (Oquab et al. 2023, https://arxiv.org/abs/2304.07193) that also sees depth.

A patch embedding of depth is added to RGB's, and a light head brings the patches' features to a quarter of the frame's
size. It is used only to train the network by; parameter names are those of its published weights.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from deresunet.errors import InputError, first_line
from deresunet.model.blocks import conv_bn_relu
from deresunet.model.checkpoint import LIGHTNING_AVERAGE_PREFIX, LIGHTNING_PREFIX, decode

PATCH = 14
WIDTH = 384
HEADS = 6
DEPTH = 12
# Patches along a side at which DINOv2's positions were trained: 518 / 14.
GRID = 37
# The blocks whose patch features the head sees; the last one's are those that are distilled.
TAPPED = (2, 5, 8, 11)


class Attention(nn.Module):
    """Transformer block with LayerScale (Touvron et al. 2021, https://arxiv.org/abs/2103.17239)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.n1 = nn.LayerNorm(width, eps=1e-6)
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.o = nn.Linear(width, width)
        self.g1 = nn.Parameter(torch.ones(width))
        self.n2 = nn.LayerNorm(width, eps=1e-6)
        self.f1 = nn.Linear(width, 4 * width)
        self.f2 = nn.Linear(4 * width, width)
        self.g2 = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """The next tokens of tokens (B, N, width)."""
        x = self.n1(tokens)
        query, key, value = (
            linear(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for linear in (self.q, self.k, self.v)
        )  # (B, heads, N, width / heads) each
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)  # (B, N, width)
        tokens = tokens + self.g1 * self.o(attended)
        return tokens + self.g2 * self.f2(F.gelu(self.f1(self.n2(tokens))))  # (B, N, width)


class VisionTransformer(nn.Module):
    """DINOv2's ViT-S/14 without its image-level head."""

    def __init__(self, width: int = WIDTH, depth: int = DEPTH, heads: int = HEADS) -> None:
        super().__init__()
        self.pe = nn.Conv2d(3, width, PATCH, PATCH)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_cls = nn.Parameter(torch.zeros(1, 1, width))
        self.pos = nn.Parameter(torch.zeros(1, GRID * GRID, width))
        self.blocks = nn.ModuleList(Attention(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, rgb: Tensor, extra: Tensor, tapped: tuple[int, ...] = TAPPED) -> list[Tensor]:
        """Patch features (B, width, h, w) after the tapped blocks.

        Args:
            rgb: (B, 3, 14 h, 14 w), normalised.
            extra: (B, width, h, w), added to RGB's patch embedding.
            tapped: numbers of blocks.
        """
        x = self.pe(rgb) + extra  # (B, width, h, w)
        height, width = x.shape[-2:]
        grid = self.pos.view(1, GRID, GRID, -1).permute(0, 3, 1, 2)  # (1, width, 37, 37)
        if (height, width) != (GRID, GRID):
            grid = F.interpolate(grid, (height, width), mode="bicubic", align_corners=False)
        patches = x.flatten(2).transpose(1, 2) + grid.flatten(2).transpose(1, 2)  # (B, h w, width)
        first = (self.cls + self.pos_cls).expand(len(x), -1, -1).to(patches.dtype)
        tokens = torch.cat([first, patches], 1)  # (B, 1 + h w, width)
        maps = []
        for number, block in enumerate(self.blocks):
            tokens = block(tokens)
            if number in tapped:
                maps.append(self.norm(tokens)[:, 1:].transpose(1, 2).unflatten(2, (height, width)))
        return maps


class Teacher(nn.Module):
    """ViT-S/14 on RGB and depth, with a light head.

    Args:
        num_classes: outputs; index k is class k + 1 of NYU40, whose first 37 are SUN RGB-D's.
    """

    def __init__(self, num_classes: int = 37) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.vit = VisionTransformer()
        self.dpe = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        # Depth enters as nothing, so that fine-tuning starts from DINOv2 as it is.
        nn.init.zeros_(self.dpe.weight)
        nn.init.zeros_(self.dpe.bias)
        self.stem = nn.Sequential(
            nn.Conv2d(4, 32, 3, 2, 1),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 64, 3, 2, 1),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
        )
        self.proj = conv_bn_relu(WIDTH * len(TAPPED), 512, 1)
        self.c1 = conv_bn_relu(512, 512)
        self.c2 = conv_bn_relu(128 + 64, 128)
        self.drop = nn.Dropout2d(0.1)
        self.out = nn.Conv2d(128, num_classes, 1)
        self.aux = nn.Conv2d(512, num_classes, 1)

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Logits (B, num_classes, H/4, W/4).

        Args:
            rgb: (B, 3, H, W), normalised as `Preprocessing` says.
            depth: (B, 1, H, W), normalised likewise, 0.0 where missing.
        """
        return self.outputs(rgb, depth)[0]

    def outputs(self, rgb: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and those of the auxiliary head on the patches (B, num_classes, about H/14, about W/14)."""
        patches = self.c1(self.proj(torch.cat(self._taps(rgb, depth, TAPPED), 1)))  # (B, 512, h, w)
        fine = self.stem(torch.cat([rgb, depth], 1))  # (B, 64, H/4, W/4)
        x = F.interpolate(F.pixel_shuffle(patches, 2), fine.shape[-2:], mode="bilinear", align_corners=False)
        x = self.c2(torch.cat([x, fine], 1))  # (B, 128, H/4, W/4)
        return self.out(self.drop(x)), self.aux(patches)

    def patch_features(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """The last block's patch features (B, 384, about H/14, about W/14) of the same inputs."""
        return self._taps(rgb, depth, TAPPED[-1:])[0]

    def _taps(self, rgb: Tensor, depth: Tensor, tapped: tuple[int, ...]) -> list[Tensor]:
        height, width = (round(side / PATCH) * PATCH for side in rgb.shape[-2:])
        patches = F.interpolate(rgb, (height, width), mode="bilinear", align_corners=False)
        distances = F.interpolate(depth, (height, width), mode="nearest")
        return self.vit(patches, self.dpe(distances), tapped)


def load_teacher(path: str | os.PathLike[str]) -> Teacher:
    """A teacher from its weights (.safetensors) or from a checkpoint of its own training (.ckpt), in eval mode.

    Raises:
        InputError: the file is missing, truncated, or not a teacher's.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: no such file. Expected a teacher's weights, .safetensors or .ckpt of `train distill`."
        )
    try:
        state = _checkpoint_state(path) if path.suffix == ".ckpt" else _safetensors_state(path)
    except (SafetensorError, pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, OSError) as error:
        raise InputError(f"{path.name} is not a whole file of weights ({first_line(error)}).") from error
    if "out.weight" not in state or "vit.pos" not in state:
        raise InputError(f"{path.name} holds no teacher: out.weight and vit.pos are not both in it.")
    teacher = Teacher(num_classes=state["out.weight"].shape[0])
    try:
        teacher.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"{path.name} does not fit the teacher: {error}") from error
    return teacher.eval()


def _safetensors_state(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        return decode({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - not a mapping


def _checkpoint_state(path: Path) -> dict[str, Tensor]:
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    averaged = any(name.startswith(LIGHTNING_AVERAGE_PREFIX) for name in state)
    prefix = LIGHTNING_AVERAGE_PREFIX if averaged else LIGHTNING_PREFIX
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


class FrozenTeacher:
    """A teacher at work: no gradients, half precision on a GPU, compiled if asked for.

    It is no `nn.Module`: what owns it neither saves nor trains it.

    Args:
        teacher: the network.
        compiled: whether `torch.compile` takes it.
    """

    def __init__(self, teacher: Teacher, compiled: bool = False) -> None:
        self.network = teacher.eval().requires_grad_(False)
        self.dtype = torch.float32
        self._logits = torch.compile(self.network) if compiled else self.network
        self._features = torch.compile(self.network.patch_features) if compiled else self.network.patch_features

    def to(self, device: torch.device) -> None:
        """Work on `device`, in the precision that suits it."""
        self.dtype = torch.float16 if device.type == "cuda" else torch.float32
        self.network.to(device, self.dtype)

    @torch.no_grad()
    def logits(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """See `Teacher.forward`; the caller's autocast does not enter."""
        with torch.autocast(rgb.device.type, enabled=False):
            return self._logits(rgb.to(self.dtype), depth.to(self.dtype))

    @torch.no_grad()
    def features(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """See `Teacher.patch_features`."""
        with torch.autocast(rgb.device.type, enabled=False):
            return self._features(rgb.to(self.dtype), depth.to(self.dtype))
