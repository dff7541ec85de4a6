"""How a network starts: nearest-neighbour sub-pixel convolutions, ImageNet or distilled encoders, other weights."""

from __future__ import annotations

import logging
from typing import Literal

import torch
from torch import Tensor, nn

from deresunet.errors import InputError
from deresunet.model.checkpoint import load_checkpoint
from deresunet.model.network import DeResUNet

ImageNet = Literal["no", "try", "require"]
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


def start_from_imagenet(network: DeResUNet, wanted: ImageNet) -> str:
    """ImageNet weights in both encoders, where they can be had.

    Returns:
        What was done, for people.

    Raises:
        InputError: they were required and cannot be downloaded.
    """
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


def start_from(network: DeResUNet, path: str, encoders_only: bool) -> str:
    """Weights of another checkpoint of this project: all, or the encoders'.

    Returns:
        What was done, for people.

    Raises:
        InputError: the file cannot be read, or is of another network.
    """
    checkpoint = load_checkpoint(path)
    state = checkpoint.state
    if encoders_only:
        state = {name: tensor for name, tensor in state.items() if name.startswith(("rgb_encoder.", "depth_encoder."))}
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise InputError(f"{path} does not fit the network. Give a checkpoint of the same backbone. {error}") from error
    if unexpected or (missing and not encoders_only):
        names = [*unexpected, *missing]
        raise InputError(f"{path} is of another network: {len(names)} tensors do not match, such as {names[0]}.")
    return f"{'encoders' if encoders_only else 'weights'} of {checkpoint.name}"


def _last_convolution(module: nn.Module) -> nn.Conv2d:
    return [part for part in module.modules() if isinstance(part, nn.Conv2d)][-1]
