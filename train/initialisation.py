"""How a network starts: nearest-neighbour sub-pixel convolutions, ImageNet or distilled encoders, other weights."""

from __future__ import annotations

import logging
import pickle
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from deresunet.errors import InputError, first_line
from deresunet.inference.network import read_weights
from deresunet.model.checkpoint import Checkpoint
from deresunet.model.network import DeResUNet

ImageNet = Literal["no", "try", "require"]
# Name of the weights that come with the package, where a checkpoint is asked for.
BUNDLED = "bundled"
log = logging.getLogger(__name__)


def icnr_(weight: Tensor, factor: int = 2) -> None:
    """Make the output channels that PixelShuffle lays out as one cell equal (Aitken et al. 2017, arXiv:1707.02937).

    The upsampling then starts as nearest-neighbour, and the checkerboard is not there from the first step on.

    Args:
        weight: (out, ...), changed in place; out is a multiple of factor squared.
        factor: of the PixelShuffle.
    """
    with torch.no_grad():
        weight.copy_(weight[:: factor**2].repeat_interleave(factor**2, dim=0))


def start_as_nearest(network: DeResUNet) -> None:
    """`icnr_` on every convolution whose output goes through a PixelShuffle."""
    shuffled = [_last_convolution(network.bottleneck)]
    shuffled += [_last_convolution(stage) for stage in list(network.decoder)[:-1]]
    # The sub-pixel head has its own convolution before the shuffle; the other shuffles what the decoder gave.
    shuffled.append(_last_convolution(network.head[0] if network.config.head == "subpixel" else network.decoder[-1]))
    for convolution in shuffled:
        icnr_(convolution.weight)
        if convolution.bias is not None:
            icnr_(convolution.bias)


def start_encoders(network: DeResUNet, wanted: ImageNet, file: str | None = None) -> str:
    """Start both encoders from a file, or from ImageNet's weights where these can be had.

    Args:
        network: changed in place.
        wanted: whether to try ImageNet's weights, or to require them.
        file: a torchvision ResNet's state dict, instead; see `resnet_state`.

    Returns:
        A description of the start, for the checkpoint.

    Raises:
        InputError: the file cannot be used, or ImageNet's weights were required and cannot be downloaded.
    """
    if file is not None:
        state = resnet_state(file)
        try:
            network.rgb_encoder.load_imagenet_state(state)
            network.depth_encoder.load_imagenet_state(state)
        except RuntimeError as error:
            raise InputError(
                f"{file} is of another ResNet than {network.config.backbone}. Give weights of that one. "
                f"{first_line(error)}"
            ) from error
        return f"encoders of {Path(file).name}"
    if wanted == "no":
        return "random encoders"
    try:
        network.load_imagenet()
    except RuntimeError as error:
        if wanted == "require":
            raise InputError(str(error)) from error
        log.warning("The encoders start from random weights. %s", error)
        return "random encoders (ImageNet's weights could not be had)"
    return "ImageNet encoders"


def resnet_state(path: str) -> dict[str, Tensor]:
    """A ResNet's state dict under torchvision's names, as ImageNet training or self-supervision leaves it.

    SwAV, DINO and MoCo wrap it in dictionaries and prefix its names (`module.encoder_q.`, `backbone.`, ...). Where
    several networks are in the file, the one that its authors recommend is taken: DINO's teacher, MoCo's query encoder.

    Args:
        path: .pth, .pth.tar or .safetensors; nothing in it is run.

    Raises:
        InputError: the file cannot be read, or no ResNet is in it.
    """
    try:
        if path.endswith(".safetensors"):
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile, SafetensorError) as error:
        raise InputError(f"{path} is not a whole file of weights ({first_line(error)}).") from error
    for wrapper in ("state_dict", "model", "teacher"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    stems = [name for name in content if name == "conv1.weight" or name.endswith(".conv1.weight")]
    # The stem's own first convolution lies nearest to the root; within blocks there are further ones.
    stems = [name for name in stems if not re.search(r"layer\d|momentum|encoder_k", name)]
    if not stems:
        raise InputError(f"{path}: no ResNet in it. Expected torchvision's names, such as conv1.weight.")
    prefix = min(stems, key=len).removesuffix("conv1.weight")
    state = {name.removeprefix(prefix): tensor for name, tensor in content.items() if name.startswith(prefix)}
    trunk = ("conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4.")  # projection heads and classifiers stay
    return {name: tensor for name, tensor in state.items() if name.startswith(trunk)}


def start_from(network: DeResUNet, given: str | Checkpoint, encoders_only: bool) -> str:
    """Start from another checkpoint of this project: all weights, or the encoders'.

    Args:
        network: changed in place.
        given: the checkpoint, or its file; "bundled" for the weights that come with the package.
        encoders_only: leave the rest of the network as it is.

    Returns:
        A description of the start, for the checkpoint.

    Raises:
        InputError: the file cannot be read, or is of another network.
    """
    checkpoint = given if isinstance(given, Checkpoint) else read_start(given)
    state = checkpoint.state
    if encoders_only:
        state = {name: tensor for name, tensor in state.items() if name.startswith(("rgb_encoder.", "depth_encoder."))}
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise InputError(
            f"{checkpoint.name} does not fit the network. Give a checkpoint of the same backbone. {error}"
        ) from error
    if unexpected or (missing and not encoders_only):
        names = [*unexpected, *missing]
        raise InputError(
            f"{checkpoint.name} is of another network: {len(names)} tensors do not match, such as {names[0]}."
        )
    return f"{'encoders' if encoders_only else 'weights'} of {checkpoint.name}"


def read_start(path: str) -> Checkpoint:
    """Read weights to start from; "bundled" stands for those that come with the package."""
    return read_weights(None if path == BUNDLED else path)


def with_new_head(network: DeResUNet, classes: int) -> DeResUNet:
    """A network of another number of classes: its head is new, all else is that of `network`."""
    fresh = DeResUNet(replace(network.config, num_classes=classes))
    kept = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("head.")}
    fresh.load_state_dict(kept, strict=False)
    return fresh


def _last_convolution(module: nn.Module) -> nn.Conv2d:
    return [part for part in module.modules() if isinstance(part, nn.Conv2d)][-1]
