"""A frame: RGB, depth, ground truth, and what is known of the camera and the room."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from deresunet.classes import SUNRGBD37, ClassSet, label_map
from deresunet.data.arrays import nearest
from deresunet.data.depth import DepthReading, align_depth, clean_metres, read_metres, same_view
from deresunet.data.intrinsics import turned
from deresunet.errors import InputError

MIN_SIDE = 32
# EXIF's orientation of a picture, by the quarter turns clockwise that bring it upright.
_ORIENTATIONS = (1, 6, 3, 8)


def turn(array: np.ndarray, turns: int) -> np.ndarray:
    """Turn an array (..., H, W), or an image (H, W, 3), clockwise by quarter turns; negative ones turn it back.

    >>> turn(np.array([[1, 2, 3]]), 1)
    array([[1],
           [2],
           [3]])
    """
    axes = (0, 1) if array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8 else (-2, -1)
    return np.ascontiguousarray(np.rot90(array, -turns, axes))


@dataclass(frozen=True)
class OrientedBox:
    """A 3D box in the camera's frame (x right, y down, z forward; metres).

    Attributes:
        label: class 1..N of the frame's class set, or 0 if the object's class is none of them.
        name: the object's own name.
        centroid: float64 (3,) [m].
        basis: float64 (3, 3): its rows are the box's axes, unit vectors.
        half: float64 (3,): half the extent along each axis [m].
    """

    label: int
    name: str
    centroid: np.ndarray
    basis: np.ndarray
    half: np.ndarray

    def corners(self) -> np.ndarray:
        """float64 (8, 3) [m]; corner k takes axis i's positive end where bit i of k is set."""
        signs = np.array([[1 if k >> axis & 1 else -1 for axis in range(3)] for k in range(8)])
        return self.centroid + (signs * self.half) @ self.basis


@dataclass(frozen=True)
class Problem:
    """A fault of a frame that can be used nevertheless: what looks wrong or could not be read.

    Attributes:
        kind: what problems are counted by, such as "3D boxes unreadable".
        message: what was found, and what to do.
    """

    kind: str
    message: str


@dataclass(frozen=True)
class FrameInfo:
    """Description of a frame that needs none of its pixels.

    Attributes:
        name: the frame.
        sensor: camera, or "".
        scene: room type, or "".
        sequence: recording, or "".
        has_depth: whether it has depth.
        has_label: whether it has ground truth.
    """

    name: str
    sensor: str = ""
    scene: str = ""
    sequence: str = ""
    has_depth: bool = False
    has_label: bool = False


@dataclass(frozen=True)
class Frame:
    """One RGB-D frame; RGB or depth may be absent, not both.

    Attributes:
        rgb: uint8 (H, W, 3), or None.
        depth: float32 (H, W): planar depth [m], 0 where missing; or None. Depth of another size is brought to
            RGB's with nearest neighbour.
        label: uint8 (h, w): 0 = void, 1..N, at its own size of RGB's aspect ratio; or None.
        intrinsics: float64 (3, 3) [px], or None.
        boxes: 3D boxes in the camera's frame, or None where nobody annotated them.
        name: what to call the frame.
        source: description of its origin.
        sensor: camera that took it (SUN RGB-D: kv1, kv2, realsense, xtion), or "".
        scene: type of the room, such as "office", or "".
        sequence: recording it belongs to, or ""; frames of one recording show the same place.
        measured: bool (H, W): where the sensor itself measured depth, for a depth that was in-painted; or None, where
            depth above 0 says it.
        depth_reading: how depth was understood and what looks wrong about it; made of `depth` where it is left out.
        problems: what looks wrong or could not be read besides.
        class_set: the N classes of the ground truth, and of boxes.
        turns: quarter turns clockwise, 0..3, that bring the picture upright, such as a phone's that is stored sideways.
            The network sees it upright; labels and all else are as it lies here.

    Depth is cleaned as a file's is: negative, NaN and infinite values are missing, and so is a spike far from all else.

    Raises:
        InputError: the arrays do not fit together; the message says how.
    """

    rgb: np.ndarray | None
    depth: np.ndarray | None = None
    label: np.ndarray | None = None
    intrinsics: np.ndarray | None = None
    boxes: tuple[OrientedBox, ...] | None = None
    name: str = "frame"
    source: str = ""
    sensor: str = ""
    scene: str = ""
    sequence: str = ""
    measured: np.ndarray | None = None
    depth_reading: DepthReading | None = None
    problems: tuple[Problem, ...] = ()
    class_set: ClassSet = SUNRGBD37
    turns: int = 0

    def __post_init__(self) -> None:
        if self.rgb is None and self.depth is None:
            raise InputError(f"{self.name}: neither RGB nor depth was given. Give at least one of them.")
        if self.rgb is not None and (self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3):
            raise InputError(f"{self.name}: rgb is {self.rgb.dtype} {self.rgb.shape}; expected uint8 (H, W, 3).")
        if self.depth is None:
            object.__setattr__(self, "depth_reading", None)
        else:
            if not np.issubdtype(self.depth.dtype, np.floating) or self.depth.ndim != 2:
                raise InputError(
                    f"{self.name}: depth is {self.depth.dtype} {self.depth.shape}; expected float32 (H, W) in metres."
                    " Divide integers by their units per metre, as `decode_depth` does."
                )
            if self.depth_reading is None:
                depth, reading = read_metres(self.depth)
                object.__setattr__(self, "depth_reading", reading)
            else:
                depth = clean_metres(self.depth)
            object.__setattr__(self, "depth", depth if self.rgb is None else align_depth(depth, self.rgb.shape[:2]))
        if min(self.size) < MIN_SIDE:
            height, width = self.size
            raise InputError(f"{self.name} is {width}x{height}; expected at least {MIN_SIDE}x{MIN_SIDE} pixels.")
        if self.label is not None:
            self._check_label(self.label)
        if self.measured is not None and (self.measured.dtype != np.bool_ or self.measured.shape != self.size):
            raise InputError(
                f"{self.name}: measured is {self.measured.dtype} {self.measured.shape}; expected bool {self.size}."
            )

    @property
    def aligned_label(self) -> np.ndarray | None:
        """The label at the frame's own size, uint8 (H, W), by nearest neighbour; what is scored is `label`."""
        return None if self.label is None else nearest(self.label, self.size)

    def upright(self) -> Frame:
        """The frame with all its maps turned upright, without its boxes."""
        if not self.turns:
            return self
        maps = (self.rgb, self.depth, self.label, self.measured)
        rgb, depth, label, measured = (None if one is None else turn(one, self.turns) for one in maps)
        intrinsics = self.intrinsics
        if intrinsics is not None:
            intrinsics = turned(intrinsics, _ORIENTATIONS[self.turns], self.size)
        return replace(
            self,
            rgb=rgb,
            depth=depth,
            label=label,
            measured=measured,
            intrinsics=intrinsics,
            boxes=None,
            turns=0,
        )

    def brought_to(self, classes: ClassSet) -> Frame:
        """The frame with labels and boxes in another class set; what has no counterpart there becomes void."""
        way = label_map(self.class_set, classes)
        if way.identity:
            return self if self.class_set == classes else replace(self, class_set=classes)
        boxes = self.boxes
        if boxes is not None:
            boxes = tuple(replace(box, label=int(way.table[box.label])) for box in boxes)
        label = None if self.label is None else way.table[self.label]
        return replace(self, label=label, boxes=boxes, class_set=classes)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about depth, label and side files, and what to do."""
        reading = () if self.depth_reading is None else self.depth_reading.warnings
        return (*reading, *(problem.message for problem in self.problems))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        grid = self.depth if self.rgb is None else self.rgb
        assert grid is not None
        return int(grid.shape[0]), int(grid.shape[1])

    def _check_label(self, label: np.ndarray) -> None:
        height, width = self.size
        if label.dtype != np.uint8 or label.ndim != 2:
            raise InputError(f"{self.name}: label is {label.dtype} {label.shape}; expected uint8 (H, W).")
        if not label.size or not same_view(label.shape, (height, width)):
            raise InputError(
                f"{self.name}: the ground truth is {label.shape[1]}x{label.shape[0]}, the frame {width}x{height}; "
                "their aspect ratios differ by more than 2 %. Give a label of the same view."
            )
        if label.size and label.max() > len(self.class_set):
            raise InputError(
                f"{self.name}: label has the value {label.max()}; expected 0 (void) and 1..{len(self.class_set)} "
                f"({self.class_set.name})."
            )
