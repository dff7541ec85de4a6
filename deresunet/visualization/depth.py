"""Depth in colours."""

from __future__ import annotations

import numpy as np

from deresunet.visualization.colours import MISSING_DEPTH, viridis


def colorize_depth(metres: np.ndarray, near: float, far: float) -> np.ndarray:
    """Depth in viridis, uint8 (H, W, 3): dark purple at `near`, yellow at `far`; missing pixels are almost black.

    Args:
        metres: float32 (H, W) [m], 0 where missing.
        near: depth [m] at the start of the scale.
        far: depth [m] at its end.
    """
    image = viridis(np.clip((metres - near) / max(far - near, 1e-6), 0.0, 1.0))
    image[metres <= 0] = MISSING_DEPTH
    return image


def grey_depth(metres: np.ndarray) -> np.ndarray:
    """Depth (H, W) [m] as a grey picture uint8 (H, W, 3), near bright; it stands in for RGB where there is none."""
    far = max(float(metres.max()), 1e-6)
    grey = np.where(metres > 0, 230.0 - 180.0 * metres / far, 16.0).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def depth_range(metres: np.ndarray | None) -> tuple[float, float] | None:
    """Ends [m] of the colour scale of a depth map (H, W): its 1st and 99th percentile, so that no outlier takes it all.

    Returns:
        (near, far), or None where nothing was measured.
    """
    measured = metres[metres > 0] if metres is not None else np.empty(0)
    if not measured.size:
        return None
    near, far = np.percentile(measured, (1, 99))
    return float(near), float(max(far, near + 0.01))
