"""Augmentation of a whole batch on its device: the distributions of `train.data.augmentation`, in a few kernels.

Parameters of each frame come from a NumPy generator of its own; noise of pixels comes from one torch generator.
Geometry is one resampling, not one after the other: RGB bilinear, depth and label by nearest neighbour.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import kornia
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from train.data.augmentation import GREY, Augmentation
from train.data.depth_noise import DepthFaults

GRID_CELLS = 5
GRID_LIMIT = 0.2
# OpenCV's size of the Gaussian kernel behind Albumentations' approximate elastic transform [px].
ELASTIC_KERNEL = 17


def geometry(
    rgb: Tensor,
    depth: Tensor,
    label: Tensor,
    config: Augmentation,
    size: tuple[int, int],
    generators: Sequence[np.random.Generator],
    noise: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Flip, rotation, distortion, zoom and crop to `size`, the same for all three planes.

    Args:
        rgb: float32 (B, 3, H, W) in 0..255.
        depth: float32 (B, 1, H, W) [m].
        label: uint8 (B, H, W).
        config: how strongly frames are varied.
        size: height and width of the result.
        generators: of each frame's parameters.
        noise: of the elastic displacements, on the planes' device.

    Returns:
        The three planes at `size`; outside the frame RGB is grey, depth missing and the label void.
    """
    height, width = rgb.shape[-2:]
    drawn = [_placement(config, (height, width), size, generator) for generator in generators]
    affine = torch.tensor(np.stack([matrix for matrix, _, _ in drawn]), dtype=torch.float32)
    affine = affine.to(rgb.device, non_blocking=True)  # (B, 2, 3): output pixel -> pixel before zoom and crop
    rows, columns = torch.meshgrid(
        torch.arange(size[0], device=rgb.device), torch.arange(size[1], device=rgb.device), indexing="ij"
    )
    ones = torch.ones_like(rows)
    places = torch.stack([columns, rows, ones]).float().flatten(1)  # (3, h w)
    at = (affine[:, 0] @ places).view(-1, 2, *size)  # (B, 2, h, w): x and y [px]
    at = _warped(at, [warp for _, warp, _ in drawn], (height, width), noise)
    turned = torch.stack([torch.from_numpy(turn) for _, _, turn in drawn]).float().to(rgb.device, non_blocking=True)
    x, y = torch.einsum("bij,bjhw->ibhw", turned[:, :, :2], at) + turned[:, :, 2].T[:, :, None, None]
    # grid_sample's own units: -1 and 1 at the outer edges of the outer pixels.
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)  # (B, h, w, 2)
    grey = torch.tensor(GREY, dtype=torch.float32, device=rgb.device).view(1, 3, 1, 1)
    image = F.grid_sample(rgb - grey, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + grey
    planes = torch.cat([depth, label[:, None].float()], 1)
    planes = F.grid_sample(planes, grid, mode="nearest", align_corners=False)
    return image.clamp(0, 255), planes[:, :1], planes[:, 1].round().to(torch.uint8)


def _placement(
    config: Augmentation, source: tuple[int, int], size: tuple[int, int], generator: np.random.Generator
) -> tuple[np.ndarray, str, np.ndarray]:
    """Zoom and crop as a matrix (1, 2, 3), the kind of warp, and rotation and flip as a matrix (2, 3)."""
    height, width = source
    draws = generator.random(6)
    scale = generator.uniform(*config.scale)
    matrix = np.zeros((1, 2, 3))
    for axis, (whole, wanted) in enumerate(((width, size[1]), (height, size[0]))):
        # Cropping starts anywhere within, padding puts the frame anywhere within what is wanted.
        offset = draws[axis] * (round(whole * scale) - wanted)
        matrix[0, axis, axis] = 1.0 / scale
        matrix[0, axis, 2] = (np.round(offset) + 0.5) / scale - 0.5
    warp = ("elastic" if draws[3] < 0.5 else "grid") if draws[2] < config.warp else ""
    angle = np.deg2rad(generator.uniform(-config.rotate_deg, config.rotate_deg)) if draws[4] < config.rotate else 0.0
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = centre - turn @ centre
    if draws[5] < config.flip:
        turn, shift = np.diag([-1.0, 1.0]) @ turn, np.array([width - 1 - shift[0], shift[1]])
    return matrix, warp, np.concatenate([turn, shift[:, None]], 1)


def _warped(at: Tensor, warps: list[str], source: tuple[int, int], noise: torch.Generator) -> Tensor:
    """Places (B, 2, h, w) [px] with the smooth displacements of the frames that are warped."""
    height, width = source
    elastic = [k for k, warp in enumerate(warps) if warp == "elastic"]
    if elastic:
        drawn = torch.rand(len(elastic), 2, height, width, generator=noise, device=at.device) * 2 - 1
        smooth = kornia.filters.gaussian_blur2d(drawn, (ELASTIC_KERNEL,) * 2, (width / 64,) * 2) * (width / 2)
        at = at.index_copy(0, _index(elastic, at), at[elastic] + _at(smooth, at[elastic], source))
    bent = [k for k, warp in enumerate(warps) if warp == "grid"]
    if bent:
        steps = 1 + GRID_LIMIT * (2 * torch.rand(len(bent), 2, GRID_CELLS, generator=noise, device=at.device) - 1)
        knots = F.pad((steps / steps.sum(-1, keepdim=True)).cumsum(-1), (1, 0))  # (b, 2, 6), from 0 to 1
        extent = torch.tensor([width, height], device=at.device).view(1, 2, 1, 1)
        place = ((at[bent] + 0.5) / extent).clamp(0, 1) * GRID_CELLS
        cell = place.floor().clamp(max=GRID_CELLS - 1)
        left = knots.gather(2, cell.flatten(2).long()).view_as(place)
        right = knots.gather(2, cell.flatten(2).long() + 1).view_as(place)
        inside = (left + (place - cell) * (right - left)) * extent - 0.5
        # Outside the frame there is nothing to bend.
        moved = torch.where(((at[bent] < -0.5) | (at[bent] > extent - 0.5)), at[bent], inside)
        at = at.index_copy(0, _index(bent, at), moved)
    return at


def _index(rows: list[int], like: Tensor) -> Tensor:
    return torch.tensor(rows, device=like.device)


def _at(field: Tensor, places: Tensor, source: tuple[int, int]) -> Tensor:
    """A field (B, 2, H, W) at places (B, 2, h, w) [px]."""
    extent = torch.tensor([source[1], source[0]], device=places.device).view(1, 2, 1, 1)
    grid = ((2 * places + 1) / extent - 1).permute(0, 2, 3, 1)
    return F.grid_sample(field, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def colour(
    rgb: Tensor, config: Augmentation, generators: Sequence[np.random.Generator], noise: torch.Generator
) -> Tensor:
    """Brightness, contrast, gamma, hue, local contrast, blur and noise of RGB float32 (B, 3, h, w) in 0..255."""
    x = rgb / 255.0
    chosen = [
        set(generator.choice(4, 2, replace=False)) if generator.random() < config.colour else set()
        for generator in generators
    ]
    rolls = np.stack([generator.random(4) for generator in generators])
    drawn = torch.from_numpy(np.stack([generator.random(6) for generator in generators])).float()
    drawn = drawn.to(x.device, non_blocking=True)
    wide = drawn[:, :, None, None, None]  # (B, 6, 1, 1, 1)

    def change(x: Tensor, rows: list[int], function: Callable[..., Tensor]) -> Tensor:
        if not rows:
            return x
        index = _index(rows, x)
        return x.index_copy(0, index, function(x[index], wide[index], drawn[index]).clamp(0, 1))

    operations = (_brightness_contrast, _gamma, _hue_saturation, _local_contrast)
    for number, operation in enumerate(operations):
        x = change(x, [k for k, kinds in enumerate(chosen) if number in kinds], operation)

    def either(column: int, share: float, first: bool) -> list[int]:
        return [k for k, roll in enumerate(rolls) if roll[column] < share and (roll[column + 1] < 0.5) == first]

    x = change(x, either(0, config.blur, True), _gaussian_blur)
    x = change(x, either(0, config.blur, False), _motion_blur)
    x = change(x, either(2, config.noise, True), functools.partial(_gauss, noise=noise))
    x = change(x, either(2, config.noise, False), functools.partial(_iso, noise=noise))
    return x * 255.0


def _brightness_contrast(x: Tensor, wide: Tensor, _drawn: Tensor) -> Tensor:
    return x * (1 + 0.3 * (2 * wide[:, 0] - 1)) + 0.3 * (2 * wide[:, 1] - 1)


def _gamma(x: Tensor, wide: Tensor, _drawn: Tensor) -> Tensor:
    return x.clamp(min=1e-6) ** (0.6 + wide[:, 2])


def _hue_saturation(x: Tensor, wide: Tensor, _drawn: Tensor) -> Tensor:
    hue, saturation, value = kornia.color.rgb_to_hsv(x).chunk(3, 1)
    # Albumentations counts hue in steps of 2 degrees, saturation in steps of 1/255.
    hue = (hue + np.deg2rad(24) * (2 * wide[:, 3] - 1)) % (2 * np.pi)
    saturation = (saturation + 40 / 255 * (2 * wide[:, 4] - 1)).clamp(0, 1)
    return kornia.color.hsv_to_rgb(torch.cat([hue, saturation, value], 1))


def _local_contrast(x: Tensor, _wide: Tensor, drawn: Tensor) -> Tensor:
    lab = kornia.color.rgb_to_lab(x)
    # One clip limit for the batch's frames: kornia takes a number, and asking the device for each would stall it.
    lightness = kornia.enhance.equalize_clahe(lab[:, :1].clamp(0, 100) / 100, clip_limit=2.0) * 100
    return kornia.color.lab_to_rgb(torch.cat([lightness, lab[:, 1:]], 1))


def _gaussian_blur(x: Tensor, _wide: Tensor, drawn: Tensor) -> Tensor:
    sigma = 0.3 + 1.7 * drawn[:, 5:6]
    return kornia.filters.gaussian_blur2d(x, (13, 13), sigma.expand(-1, 2))


def _motion_blur(x: Tensor, _wide: Tensor, drawn: Tensor) -> Tensor:
    angle, direction = 360 * drawn[:, 4], 2 * drawn[:, 5] - 1
    return kornia.filters.motion_blur(x, 5, angle, direction, border_type="replicate")


def _gauss(x: Tensor, wide: Tensor, _drawn: Tensor, noise: torch.Generator) -> Tensor:
    return x + (0.01 + 0.05 * wide[:, 0]) * torch.randn(x.shape, generator=noise, device=x.device)


def _iso(x: Tensor, wide: Tensor, _drawn: Tensor, noise: torch.Generator) -> Tensor:
    """Noise of a sensor: of hue, and of lightness as photons come."""
    shift, strength = 0.01 + 0.04 * wide[:, 0], 0.1 + 0.4 * wide[:, 1]
    hue, lightness, saturation = kornia.color.rgb_to_hls(x).chunk(3, 1)
    rate = (lightness.std((2, 3), keepdim=True) * strength * 255).expand_as(lightness)
    photons = torch.poisson(rate, generator=noise) / 255
    turned = 2 * np.pi * shift * strength * torch.randn(hue.shape, generator=noise, device=x.device)
    return kornia.color.hls_to_rgb(
        torch.cat([(hue + turned) % (2 * np.pi), lightness + photons * (1 - lightness), saturation], 1)
    )


def depth_faults(metres: Tensor, config: DepthFaults, noise: torch.Generator | None = None) -> Tensor:
    """Depth with a sensor's faults, as `train.data.depth_noise.add_faults` adds them; missing pixels stay missing.

    Args:
        metres: float32 (B, 1, h, w) [m], 0 where missing.
        config: which faults, how often.
        noise: random generator on the device; None takes the device's own.
    """
    count = len(metres)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=noise, device=metres.device)

    picked = draw(3, count, 1, 1, 1)
    result = torch.where(picked[0] < config.edges, _ragged(metres, config.edge_jump_m, draw), metres)
    step = config.step_at_1m * (0.2 + 0.8 * draw(count, 1, 1, 1))
    disparity = (1.0 / result.clamp(min=1e-6) / step).round().clamp(min=1.0)
    rounded = torch.where(result > 0, 1.0 / (disparity * step), 0.0)
    result = torch.where(picked[1] < config.quantisation, rounded, result)
    return result.masked_fill((picked[2] < config.holes) & _holes(metres, config.max_holes, draw), 0.0)


def _ragged(metres: Tensor, jump_m: float, draw: Callable[..., Tensor]) -> Tensor:
    """Depth whose pixels at edges take a neighbour's value, or none."""
    far = F.max_pool2d(metres, 3, 1, 1)
    near = -F.max_pool2d(torch.where(metres > 0, -metres, -1e6), 3, 1, 1)
    edge = F.max_pool2d(((far - near > jump_m) & (metres > 0)).float(), 3, 1, 1) > 0
    edge &= metres > 0
    count, _, height, width = metres.shape
    down, right = (5 * draw(2, count, height, width)).long().clamp(max=4) - 2
    rows = (torch.arange(height, device=metres.device)[:, None] + down).clamp(0, height - 1)
    columns = (torch.arange(width, device=metres.device) + right).clamp(0, width - 1)
    moved = metres.flatten(1).gather(1, (rows * width + columns).flatten(1)).view_as(metres)
    lost = draw(*metres.shape) < 0.5 * draw(count, 1, 1, 1)
    return torch.where(edge, torch.where(lost, 0.0, moved), metres)


def _holes(metres: Tensor, most: int, draw: Callable[..., Tensor]) -> Tensor:
    """True (B, 1, h, w) within up to `most` ellipses."""
    count, _, height, width = metres.shape
    drawn = draw(6, count, most, 1, 1)
    y = torch.arange(height, device=metres.device).view(1, 1, -1, 1) - drawn[0] * height
    x = torch.arange(width, device=metres.device).view(1, 1, 1, -1) - drawn[1] * width
    along, across = (2 + drawn[k] * (max(height // 12, 3) - 2) for k in (2, 3))
    cosine, sine = torch.cos(torch.pi * drawn[4]), torch.sin(torch.pi * drawn[4])
    within = ((x * cosine + y * sine) / along) ** 2 + ((y * cosine - x * sine) / across) ** 2 <= 1
    number = torch.arange(most, device=metres.device).view(1, -1, 1, 1)
    wanted = 1 + (draw(count, 1, 1, 1) * most).floor()
    return (within & (number < wanted)).any(1, keepdim=True)
