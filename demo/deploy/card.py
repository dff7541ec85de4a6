"""README.md of the Space and of the model repository: front matter that the hub reads, and text for people."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

import yaml
from huggingface_hub import ModelCardData, SpaceCardData, SpaceHardware
from huggingface_hub.constants import SPACES_SDK_TYPES
from packaging.version import InvalidVersion, Version

from demo.deploy.hardware import Hardware
from deresunet.errors import InputError
from deresunet.model.hub import HubPin

# The newest Gradio that the inspector was tested with.
GRADIO = "6.31.0"
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
SHORT_DESCRIPTION_MAX = 60
_KNOWN = {
    "title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "short_description",
    "suggested_hardware", "models", "tags", "license", "preload_from_hub",
}  # fmt: skip

SPACE_TEXT = """
# DeResUNet

Semantic segmentation of indoor RGB-D frames into the 37 SUN RGB-D classes: pick a sample, or bring your own RGB image
with depth. The page shows what the network sees, where it is right and where it fails.

{weights}

The seven real frames' sources and licences are in `deresunet/samples/real/CREDITS.md`. The 24 rendered rooms were made
for this project; `deresunet/samples/CREDITS.txt` lists what from, with its licences. The code is MIT. This folder was
written by `python -m demo.deploy`; to run it elsewhere:

    pip install -r requirements.txt gradio=={gradio}
    python app.py
"""


def space_card(hardware: Hardware, pin: HubPin | None, private_weights: bool = False) -> str:
    """README.md of a Space on `hardware`.

    Args:
        hardware: the machine it is made for.
        pin: the weights' place on the hub; None where they lie in the Space.
        private_weights: whether they may not be read by all; the builder, which has no token, then cannot preload them.
    """
    front = SpaceCardData(
        title="DeResUNet",
        emoji="🛋️",
        colorFrom="indigo",
        colorTo="gray",
        sdk="gradio",
        sdk_version=GRADIO,
        python_version=hardware.python_version,
        app_file="app.py",
        suggested_hardware=hardware.flavor,
        short_description="Indoor RGB-D frames, pixel by pixel, in 37 classes",
        license="mit",
        tags=["image-segmentation", "semantic-segmentation", "rgb-d", "sun-rgbd", "pytorch"],
    )
    if pin is not None:
        front["models"] = [pin.repo_id]
        if not private_weights:
            front["preload_from_hub"] = [f"{pin.repo_id} {pin.filename} {pin.revision}"]
    weights = (
        "The weights lie in `deresunet/weights/`, with their model card."
        if pin is None
        else f"The weights are those of [{pin.repo_id}](https://huggingface.co/{pin.repo_id}) at `{pin.revision[:12]}`."
    )
    return f"---\n{front.to_yaml()}\n---\n{SPACE_TEXT.format(weights=weights, gradio=GRADIO)}"


def model_card(text: str) -> str:
    """README.md of the weights' repository: front matter before the model card that comes with them."""
    front = ModelCardData(
        license="other",
        license_name="research-use",
        library_name="pytorch",
        pipeline_tag="image-segmentation",
        tags=["semantic-segmentation", "rgb-d", "nyu-depth-v2", "sun-rgbd"],
    )
    return f"---\n{front.to_yaml()}\n---\n\n{text}"


def front_matter(readme: str) -> dict[str, Any]:
    """The front matter of a README.md.

    Raises:
        InputError: it has none.
    """
    found = re.match(r"---\n(.*?)\n---\n", readme, re.DOTALL)
    told = yaml.safe_load(found[1]) if found else None
    if not isinstance(told, dict):
        raise InputError("README.md has no front matter; expected YAML between two lines of '---' at its start.")
    return told


def check_space_card(readme: str, files: set[str]) -> None:
    """Check the front matter of a Space as far as the hub's rules are known without asking it.

    Args:
        readme: the Space's README.md.
        files: all files of the Space.

    Raises:
        InputError: listing all that is wrong.
    """
    told = front_matter(readme)
    wrong = [f"{key} is no field of a Space" for key in told if key not in _KNOWN]
    wrong += [f"{key} is missing" for key in ("title", "emoji", "sdk", "sdk_version", "app_file") if not told.get(key)]
    for key, allowed in {
        "colorFrom": COLOURS,
        "colorTo": COLOURS,
        "sdk": SPACES_SDK_TYPES,
        "suggested_hardware": [flavor.value for flavor in SpaceHardware],
    }.items():
        if told.get(key) not in allowed:
            wrong.append(f"{key} is {told.get(key)!r}; expected one of {', '.join(allowed)}")
    short = told.get("short_description", "")
    if len(short) > SHORT_DESCRIPTION_MAX:
        wrong.append(f"short_description has {len(short)} characters; at most {SHORT_DESCRIPTION_MAX} fit")
    if re.search(r"[\w\s]", str(told.get("emoji", ""))):
        wrong.append(f"emoji is {told['emoji']!r}; expected one emoji")
    if not _is_version(told.get("sdk_version")):
        wrong.append(f"sdk_version is {told.get('sdk_version')!r}; expected a version as text, such as '{GRADIO}'")
    # Unquoted, YAML would read 3.10 as the number 3.1.
    if not (isinstance(told.get("python_version"), str) and re.fullmatch(r"3\.\d+(\.\d+)?", told["python_version"])):
        wrong.append(f"python_version is {told.get('python_version')!r}; expected text such as '3.12'")
    app_file = str(told.get("app_file"))
    if app_file not in files or PurePosixPath(app_file).suffix != ".py":
        wrong.append(f"app_file is {app_file!r}, which is not among the files")
    for line in told.get("preload_from_hub", []):
        if not re.fullmatch(r"[\w.-]+/[\w.-]+ \S+ [0-9a-f]{40}", line):
            wrong.append(f"preload_from_hub has {line!r}; expected USER/MODEL, a file and a commit")
    if wrong:
        raise InputError("README.md of the Space: " + "; ".join(wrong) + ".")


def _is_version(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(Version(value))
    except InvalidVersion:
        return False
