"""README.md of the Space and of the model repository: front matter that the hub reads, and text for people."""

from __future__ import annotations

from huggingface_hub import ModelCardData, SpaceCardData

from demo.deploy.hardware import Hardware
from deresunet.model.hub import HubPin

# The newest Gradio that the inspector was tested with.
GRADIO = "6.31.0"
SPACE_TEXT = """
# DeResUNet

Semantic segmentation of indoor RGB-D frames: choose a sample, or upload your own RGB
image with depth. The page shows the prediction, where it is right and where it fails.

{weights}

The seven real frames' sources and licences are in `deresunet/samples/real/CREDITS.md`. The 24 rendered rooms were made
for this project; `deresunet/samples/CREDITS.txt` lists their parts and licences. The code is MIT. This folder was
written by `python -m demo.deploy`; to run it elsewhere:

    pip install -r requirements.txt gradio=={gradio}
    python app.py
"""


def space_card(hardware: Hardware, pins: tuple[HubPin, ...] = (), private_weights: bool = False) -> str:
    """README.md of a Space on `hardware`.

    Args:
        hardware: the machine it is made for.
        pins: the weights' places on the hub; none where they lie in the Space.
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
        short_description="Indoor RGB-D frames, pixel by pixel",
        license="mit",
        tags=["image-segmentation", "semantic-segmentation", "rgb-d", "sun-rgbd", "pytorch"],
    )
    weights = "The weights lie in `deresunet/weights/`, with their model card."
    if pins:
        place, revision = pins[0].repo_id, pins[0].revision
        weights = f"The weights are those of [{place}](https://huggingface.co/{place}) at `{revision[:12]}`."
        front["models"] = [place]
        if not private_weights:
            front["preload_from_hub"] = [f"{place} {','.join(pin.filename for pin in pins)} {revision}"]
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
