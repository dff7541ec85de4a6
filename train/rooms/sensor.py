"""What a depth sensor would have measured: one of the four cameras of SUN RGB-D, from exact depth.

Three principles, one chain: light that leaves the emitter (or a second camera's line of sight) is blocked, which leaves
shadows; too little of it comes back from dark, slanted, far or mirroring surfaces, which leaves holes; what comes back
is measured with noise, in steps, and unsurely where depth jumps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from scipy.special import ndtri

from train.rooms.scene import Sensor


@dataclass(frozen=True)
class DepthSensor:
    """How one camera measures depth.

    Attributes:
        near, far: range [m].
        baseline: where the emitter, the second camera or the depth camera itself is, to the right of the frame's
            camera [m]; below 0 to its left. What is hidden from there has no depth.
        disparity_step: c in step = c z^2 [1/m]: one step of disparity as depth; 0 for sensors that measure time.
        disparity_noise: standard deviation of disparity before it is rounded, in steps.
        axial: (a, b, c) in sigma = a + b z + c z^2 [m, z in m]: noise of sensors that measure time.
        correlation: over how many pixels noise is alike (standard deviation of a Gaussian) [px]; 0 for white noise.
        lateral: standard deviation of the place that is measured [px].
        slant_noise: how much noise grows with the angle: factor on (theta / (pi / 2 - theta))^2.
        threshold: signal below which half the pixels have no depth; signal = albedo cos(theta) / z^2 [1/m^2].
        falloff: exponent of cos(angle off the optical axis) by which light falls off to the corners.
        grazing: angle of incidence beyond which half the pixels have no depth [degrees].
        loss_blob: over how many pixels holes hang together [px]; 0 for single pixels.
        edge_loss: share of pixels at a jump of depth that have none.
        flying: share of the others there that mix both sides.
        margin: columns at the right that the matching window leaves empty [px].
    """

    near: float
    far: float
    baseline: float
    disparity_step: float = 0.0
    disparity_noise: float = 0.0
    axial: tuple[float, float, float] = (0.0, 0.0, 0.0)
    correlation: float = 0.0
    lateral: float = 0.5
    slant_noise: float = 0.0
    threshold: float = 0.002
    falloff: float = 0.0
    grazing: float = 84.0
    loss_blob: float = 0.0
    edge_loss: float = 0.3
    flying: float = 0.0
    margin: int = 0


# Structured light: Khoshelham and Oude Elberink 2012 (https://doi.org/10.3390/s120201437): one step is 2.85e-3 z^2 and
# random error 1.425e-3 z^2, half a step, in which rounding itself has 1/12 of a squared step; lateral noise from
# Nguyen, Izadi and Lovell 2012 (https://doi.org/10.1109/3DIMPVT.2012.84). Kinect v2: Fankhauser et al. 2015
# (https://doi.org/10.1109/ICAR.2015.7251485), sigma = 1.5 - 0.5 z + 0.3 z^2 [mm]. RealSense R200: Keselman et al. 2017
# (https://arxiv.org/abs/1705.05548), baseline 70 mm, focal length about 555 px, disparity in steps of 1/32 px and good
# to about a tenth. Thresholds, falloff and loss at edges are set by eye against SUN RGB-D's raw frames.
KINECT_STEP = 2.85e-3
SENSORS: Mapping[Sensor, DepthSensor] = MappingProxyType(
    {
        "kv1": DepthSensor(
            near=0.5,
            far=9.0,
            baseline=0.075,
            disparity_step=KINECT_STEP,
            disparity_noise=(0.25 - 1 / 12) ** 0.5,
            correlation=1.0,
            lateral=0.8,
            threshold=0.0035,
            grazing=82.0,
            loss_blob=2.5,
            edge_loss=0.35,
            margin=8,
        ),
        "xtion": DepthSensor(
            near=0.5,
            far=8.5,
            baseline=0.075,
            disparity_step=KINECT_STEP,
            disparity_noise=(0.25 - 1 / 12) ** 0.5,
            correlation=1.2,
            lateral=0.8,
            threshold=0.0042,
            grazing=81.0,
            loss_blob=3.0,
            edge_loss=0.45,
            margin=8,
        ),
        "kv2": DepthSensor(
            near=0.5,
            far=8.0,
            baseline=-0.052,
            axial=(1.5e-3, -0.5e-3, 0.3e-3),
            lateral=0.5,
            slant_noise=0.07,
            threshold=0.0022,
            falloff=8.0,
            grazing=85.0,
            edge_loss=0.75,
            flying=0.7,
        ),
        "realsense": DepthSensor(
            near=0.4,
            far=6.0,
            baseline=0.07,
            disparity_step=1 / (555 * 0.07 * 32),
            disparity_noise=3.8,
            correlation=3.0,
            lateral=1.2,
            threshold=0.011,
            falloff=2.0,
            grazing=78.0,
            loss_blob=6.0,
            edge_loss=0.6,
            margin=12,
        ),
    }
)

# A jump of depth between neighbours, as a share of the depth, that light does not cross.
_JUMP = 0.03
# Spread of the signal about its mean, as a logarithm, and of the angle at which it is lost [cos].
_SIGNAL_SPREAD, _GRAZING_SPREAD = 0.45, 0.02
_SPECULAR_BLOB = 9.0
_MAX_MM = 65_535


def measure_depth(
    depth: np.ndarray,
    normal: np.ndarray,
    albedo: np.ndarray,
    specular: np.ndarray,
    intrinsics: np.ndarray,
    sensor: DepthSensor,
    rng: np.random.Generator,
) -> np.ndarray:
    """Depth with all that the sensor adds and loses.

    Args:
        depth: float32 (H, W): exact planar depth [m], 0 where there is nothing.
        normal: float32 (H, W, 3): unit normals in the camera's frame, towards the camera.
        albedo: float32 (H, W), 0..1: share of infrared light that comes back.
        specular: float32 (H, W), 0..1: share of the surface there that mirrors it away or lets it through.
        intrinsics: float64 (3, 3) [px].
        sensor: which camera.
        rng: where all chance comes from.

    Returns:
        uint16 (H, W): [mm], 0 where nothing was measured.
    """
    cosine, off_axis = _angles(normal, intrinsics)
    lost = _lost_signal(depth, cosine, off_axis, albedo, sensor, rng)
    lost |= _lost_to_mirrors(specular, rng)
    lost |= shadow(depth, float(intrinsics[0, 0]) * sensor.baseline)
    moved = _jittered(depth, sensor.lateral, rng)
    edge = _jumps(depth)
    chance = rng.random(depth.shape, np.float32)
    lost |= edge & (chance < sensor.edge_loss)
    if sensor.flying:
        mixed = edge & (chance > 1.0 - (1.0 - sensor.edge_loss) * sensor.flying)
        moved[mixed] = cv2.blur(moved, (3, 3))[mixed]
    measured = _noisy(moved, cosine, sensor, rng)
    lost |= (moved <= 0) | (measured < sensor.near) | (measured > sensor.far)
    if sensor.margin:
        lost[:, -sensor.margin :] = True
    measured[lost] = 0.0
    return np.clip(np.rint(measured * 1000.0), 0, _MAX_MM).astype(np.uint16)


def shadow(depth: np.ndarray, focal_baseline: float) -> np.ndarray:
    """Pixels that a second point of view, beside the camera, does not see: bool (H, W).

    Each point is put where that point of view sees it in the same row; of those that fall on one place, all but the
    nearest are hidden.

    Args:
        depth: float32 (H, W) [m], 0 where there is nothing.
        focal_baseline: focal length times the distance to that point of view, positive to the right [px m].
    """
    height, width = depth.shape
    pad = 1 << 8
    columns = np.arange(width, dtype=np.float32) + pad
    with np.errstate(divide="ignore"):
        seen_at = columns - np.float32(focal_baseline) / depth
    # What lies outside the margins, or nowhere, is put on their outermost place, which nothing is compared with.
    place = np.rint(np.clip(np.nan_to_num(seen_at, neginf=0.0, posinf=0.0), 0, width + 2 * pad - 1)).astype(np.int32)
    row_start = (np.arange(height, dtype=np.int32) * (width + 2 * pad))[:, None]
    place += row_start
    millimetres = np.minimum(depth * 1000.0, _MAX_MM).astype(np.uint16)
    millimetres[depth <= 0] = _MAX_MM
    # Written from far to near, so that the nearest stays; integers of 16 bits are sorted in linear time.
    order = np.argsort(~millimetres.ravel(), kind="stable")
    nearest = np.full(height * (width + 2 * pad), _MAX_MM, np.uint16)
    nearest[place.ravel()[order]] = millimetres.ravel()[order]
    # A surface that the other side sees wider than the camera leaves gaps of a pixel between its points.
    nearest = cv2.erode(nearest.reshape(height, -1), np.ones((1, 3), np.uint8)).ravel()
    in_front = np.take(nearest, place).astype(np.float32) / 1000.0
    return (depth > in_front * (1.0 + _JUMP) + 0.02) & (place > row_start) & (place < row_start + width + 2 * pad - 1)


def _angles(normal: np.ndarray, intrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of the angle of incidence, and of that between a pixel's ray and the optical axis; float32 (H, W)."""
    height, width = normal.shape[:2]
    x = ((np.arange(width) - intrinsics[0, 2]) / intrinsics[0, 0]).astype(np.float32)
    y = ((np.arange(height) - intrinsics[1, 2]) / intrinsics[1, 1]).astype(np.float32)[:, None]
    off_axis = 1.0 / np.sqrt(1.0 + x * x + y * y)
    cosine = -(normal[..., 0] * x + normal[..., 1] * y + normal[..., 2]) * off_axis
    return np.clip(cosine, 0.0, 1.0), off_axis


def _lost_signal(
    depth: np.ndarray,
    cosine: np.ndarray,
    off_axis: np.ndarray,
    albedo: np.ndarray,
    sensor: DepthSensor,
    rng: np.random.Generator,
) -> np.ndarray:
    """Where too little light comes back, or the surface is seen too much from the side: bool (H, W)."""
    signal = np.maximum(albedo, 0.01) * np.maximum(cosine, 1e-3) / np.maximum(depth, 0.1) ** 2
    level = np.log(signal / np.float32(sensor.threshold))
    if sensor.falloff:
        level += np.float32(sensor.falloff) * np.log(off_axis)
    slant = (cosine - np.float32(np.cos(np.radians(sensor.grazing)))) / np.float32(_GRAZING_SPREAD)
    chance = _field(depth.shape, sensor.loss_blob, rng)
    return np.minimum(level / np.float32(_SIGNAL_SPREAD), slant) < chance


def _lost_to_mirrors(specular: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where light is mirrored away or let through: whole patches of such a surface; bool (H, W)."""
    chance = _field(specular.shape, _SPECULAR_BLOB, rng)
    with np.errstate(divide="ignore"):
        return chance < ndtri(specular)


def _noisy(depth: np.ndarray, cosine: np.ndarray, sensor: DepthSensor, rng: np.random.Generator) -> np.ndarray:
    """Depth with noise, in the sensor's steps: float32 (H, W) [m]."""
    noise = _field(depth.shape, sensor.correlation, rng)
    if sensor.slant_noise:
        theta = np.arccos(np.clip(cosine, 0.1, 1.0))
        noise *= 1.0 + np.float32(sensor.slant_noise) * (theta / (np.float32(np.pi / 2) - theta)) ** 2
    if sensor.disparity_step:
        step = np.float32(sensor.disparity_step)
        disparity = 1.0 / (step * np.maximum(depth, 0.05)) + noise * np.float32(sensor.disparity_noise)
        return 1.0 / (step * np.maximum(np.rint(disparity), 1.0))
    a, b, c = (np.float32(value) for value in sensor.axial)
    return depth + noise * (a + b * depth + c * depth * depth)


def _jittered(depth: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Each pixel's depth taken from a place near by: float32 (H, W) [m]."""
    height, width = depth.shape
    reach = 3
    padded = cv2.copyMakeBorder(depth, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    # One byte a pixel draws both offsets from a table of 16 by 16 quantiles of the normal distribution.
    offsets = np.clip(np.rint(ndtri((np.arange(16) + 0.5) / 16) * sigma), -reach, reach).astype(np.int32)
    table = (offsets[:, None] * padded.shape[1] + offsets[None, :]).ravel()
    drawn = table[np.frombuffer(rng.bytes(height * width), np.uint8)].reshape(height, width)
    rows, columns = np.arange(height, dtype=np.int32) + reach, np.arange(width, dtype=np.int32) + reach
    return np.take(padded, drawn + rows[:, None] * padded.shape[1] + columns)


def _jumps(depth: np.ndarray) -> np.ndarray:
    """Pixels beside which depth jumps: bool (H, W)."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    far, near = cv2.dilate(depth, cross), cv2.erode(depth, cross)
    # Planes that are seen from the side are steep too, but as steep on either side: only a change of slope is a jump.
    bend = np.abs(far + near - 2.0 * depth)
    return (far - near > _JUMP * depth + 0.02) & (bend > _JUMP * depth)


def _field(shape: tuple[int, int], blob: float, rng: np.random.Generator) -> np.ndarray:
    """Standard normal noise, float32 (H, W), alike over `blob` pixels (standard deviation of a Gaussian; 0: white)."""
    height, width = shape
    if blob <= 0:
        return rng.standard_normal(shape, np.float32)
    # Coarse fields are drawn coarse: a Gaussian is told well by samples as far apart as its standard deviation.
    step = max(1, int(blob / 1.2))
    noise = rng.standard_normal((-(-height // step), -(-width // step)), np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), blob / step, borderType=cv2.BORDER_REFLECT)
    if step > 1:
        noise = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
    noise *= np.float32(1.0 / max(float(noise.std()), 1e-6))
    return noise
