"""Layouts of RGB-D data sets on disk: a table, one row a layout.

A pattern's stars stand for a frame's name, and pair its files: `color/**` is any file in color/ and the folders below
it. Names of folders are taken in any case of letters. Where no row fits a folder, the folders in it are looked at, so
that splits (train/, test/) and scenes may be folders of any layout, above or below its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

# Label set of a data set whose classes are its own.
OWN_LABELS = "own"
# Label files of NYU40's numbers or of ScanNet's own ids, which their values tell.
SCANNET_IDS = "scannet ids"
# Folders of splits, with the names by which they are asked for, too.
SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_RGB = ("rgb", "color", "colour")
# Names that other pictures have, too; taken where depth or label lies beside them.
_IMAGES = ("image", "images", "img", "imgs", "rgb_images", "color_images", "image_rgb", "rgb_image", "left")
_DEPTH = (
    *("depth", "depths", "depth_bfx", "depth_filled", "depth_raw", "raw_depth", "depth_image", "depth_images"),
    *("depth_map", "depth_maps", "depthmap", "depthmaps", "depth_png", "depth16", "depth_aligned", "aligned_depth"),
    *("depth_registered", "registered_depth", "depth_gt", "gt_depth", "sensor_depth", "image_depth", "depth_left"),
)
_LABEL = (
    *("label", "labels", "label-filt", "semantic", "semantics", "semantic_label", "semantic_labels"),
    *("seglabel", "gt", "groundtruth", "ground_truth", "mask", "masks", "segmentation", "annotation", "annotations"),
    "masks_machine",  # Supervisely's
)
_NUMBERED = {"40": "nyu40", "37": "sunrgbd37", "13": "nyu13"}
_LABEL_SETS = {
    f"{name}{joint}{number}": label_set
    for number, label_set in _NUMBERED.items()
    for name in ("labels", "label", "semantic")
    for joint in ("_", "")
}
_FOLDER_LABELS: dict[str, str | None] = {
    f"{name}/**": label_set for name, label_set in {**dict.fromkeys(_LABEL), **_LABEL_SETS}.items()
}
# Files with intrinsics: beside the frames' folders, or above them.
INTRINSICS_FILES = (
    *("intrinsics_color.txt", "intrinsic/intrinsic_color.txt", "intrinsic_color.txt", "camera_matrix.csv"),
    *("camera_intrinsic.json", "camera_intrinsics.json", "cam_params.json", "intrinsics.json", "intrinsics.txt"),
    *("camera-intrinsics.txt", "camera_intrinsics.txt", "metadata.json", "metadata"),
)
LISTS = ("*", "splits/*", "split/*", "lists/*", "list/*", "ImageSets/Segmentation/*")


@dataclass(frozen=True)
class Layout:
    """A layout of RGB, depth and label files.

    Attributes:
        title: display name.
        rgb: patterns of RGB images, the preferred first.
        depth: patterns of depth files.
        label: patterns of label files, each with the label set that its values count: None for the usual one,
            `OWN_LABELS` for one that only the data set itself knows, or `SCANNET_IDS`.
        depth_unit: unit of depth where its values make a room in it; "auto" recognises it.
        pairing: "name" pairs files by what the stars stand for; "stamps" by lists of time stamps, as TUM RGB-D.
        marks: files of which one must be there.
        alone: whether RGB alone is enough to recognise it.
        ray: whether depth is the distance along the ray.
        intrinsics: of all frames, where no file has them: fx, fy, cx, cy, and the width that they are for [px].
        void: value of unlabelled pixels, where it is not 0.
    """

    title: str
    rgb: tuple[str, ...]
    depth: tuple[str, ...] = ()
    label: Mapping[str, str | None] = field(default_factory=dict)
    depth_unit: str = "auto"
    pairing: Literal["name", "stamps"] = "name"
    marks: tuple[str, ...] = ()
    alone: bool = True
    ray: bool = False
    intrinsics: tuple[float, ...] = ()
    void: int | None = None


def _beside(rgb: str, depth: str, label: Mapping[str, str | None] | None = None) -> Layout:
    """Row of RGB and depth in one folder."""
    return Layout("RGB and depth side by side", (rgb,), (depth,), label or {}, alone=False)


def kind_of_split(name: str) -> str:
    """The usual name of a split: train, val or test for their like, else its own.

    >>> kind_of_split("Validation"), kind_of_split("easy")
    ('val', 'easy')
    """
    return SPLIT_FOLDERS.get(name.lower(), name)


# In the order in which they are tried.
ROWS: dict[str, Layout] = {
    "tum": Layout(
        "a TUM RGB-D, Bonn or ICL-NUIM sequence",
        ("rgb/*", "color/*"),
        ("depth/*",),
        depth_unit="tum",
        pairing="stamps",
        marks=("associations.txt", "associate.txt", "association.txt", "depth.txt"),
    ),
    # https://github.com/apple/ml-hypersim: NYU40's labels, -1 for none. Focal length and centre of its standard camera
    # [px] at 1024x768, see https://github.com/apple/ml-hypersim/issues/9.
    "hypersim": Layout(
        "Hypersim",
        ("images/scene_cam_*_final_preview/frame.*.tonemap", "images/scene_cam_*_final_preview/frame.*.color"),
        ("images/scene_cam_*_geometry_hdf5/frame.*.depth_meters",),
        {"images/scene_cam_*_geometry_hdf5/frame.*.semantic": "nyu40"},
        depth_unit="m",
        ray=True,
        intrinsics=(886.81, 886.81, 511.5, 383.5, 1024),
        void=-1,
    ),
    # https://github.com/ScanNet/ScanNet: color/, depth/ [mm], and labels as ScanNet's own ids (label-filt, label) or
    # as NYU40's numbers (scannet_frames_25k). Open3D's recorder writes color/ and depth/, too.
    "scannet": Layout(
        "ScanNet, or a recording of Open3D's or RealSense's",
        ("color/**",),
        ("depth/**",),
        {"label-filt/**": SCANNET_IDS, "label/**": SCANNET_IDS},
        alone=False,
    ),
    "folder": Layout(
        "the folder layout (rgb/, depth/, label/)",
        tuple(f"{name}/**" for name in _RGB),
        tuple(f"{name}/**" for name in _DEPTH),
        _FOLDER_LABELS,
    ),
    "cityscapes": Layout(
        "a Cityscapes tree", ("leftImg8bit/**/*_leftImg8bit",), (), {"gtFine/**/*_gtFine_labelIds": OWN_LABELS}
    ),
    "ade20k": Layout("ADE20K", ("images/**",), (), {"annotations/**": "ade20k150"}, marks=("objectinfo150.txt",)),
    "voc": Layout("a PASCAL VOC tree", ("JPEGImages/**",), (), {"SegmentationClass/**": OWN_LABELS}),
    "mmseg": Layout("an mmsegmentation tree", ("img_dir/**",), ("depth_dir/**",), {"ann_dir/**": OWN_LABELS}),
    "images": Layout(
        "images/ beside depth/ or labels/",
        tuple(f"{name}/**" for name in _IMAGES),
        tuple(f"{name}/**" for name in _DEPTH),
        _FOLDER_LABELS,
        alone=False,
    ),
    "7scenes": _beside("*.color", "*.depth", {"*.label": None}),
    "bts": _beside("rgb_*", "sync_depth_*"),
    # https://github.com/cvg/nice-slam: cam_params.json has the scale 6553.5.
    "replica": replace(
        _beside("results/frame*", "results/depth*"), title="Replica as NICE-SLAM has it", depth_unit="replica"
    ),
    "suffix": Layout(
        "RGB and depth side by side, by suffix",
        ("*_rgb", "*-rgb", "*_color", "*-color", "*_image", "*"),
        ("*_depth", "*-depth", "*.depth"),
        {"*_label": None, "*-label": None, "*_labels": None, "*_semantic": None, "*_seg": None}
        # Roboflow's and Segments.ai's
        | {"*_mask": None, "*_label_ground-truth_semantic": None},
        alone=False,
    ),
    "prefix": Layout(
        "RGB and depth side by side, by prefix",
        ("rgb_*", "rgb-*", "color_*", "color-*", "image_*", "frame*", "rgb*", "color*"),
        ("depth_*", "depth-*", "depth*"),
        {"label_*": None, "label-*": None, "semantic_*": None, "label*": None},
        alone=False,
    ),
}

# Not in the table: what patterns and frame lists say themselves.
OWN_PATTERNS = Layout("own patterns", ())
FRAME_LIST = Layout("a frame list (frames.csv)", ())
