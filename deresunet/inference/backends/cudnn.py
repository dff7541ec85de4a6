"""Convolutions for a GPU that leave memory alone: bias, addition and ReLU in the pass that computes the convolution.

A half-precision network of this kind is bound by what it reads and writes. cuDNN adds bias, another map and ReLU
before the result leaves the chip, where PyTorch's eager mode and its compiler take passes of their own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from deresunet.inference.backends.chains import Chain, replace_chains


@torch.library.custom_op("deresunet::conv_relu", mutates_args=())
def _conv_relu(
    x: Tensor, weight: Tensor, bias: Tensor, stride: list[int], padding: list[int], dilation: list[int], groups: int
) -> Tensor:
    return torch.cudnn_convolution_relu(x, weight, bias, stride, padding, dilation, groups)


@torch.library.custom_op("deresunet::conv_add_relu", mutates_args=())
def _conv_add_relu(
    x: Tensor,
    weight: Tensor,
    other: Tensor,
    bias: Tensor,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
) -> Tensor:
    return torch.cudnn_convolution_add_relu(x, weight, other, 1.0, bias, stride, padding, dilation, groups)


# For the compiler, which has to know an operator's output without running it.
@_conv_relu.register_fake
def _(
    x: Tensor, weight: Tensor, bias: Tensor, stride: list[int], padding: list[int], dilation: list[int], groups: int
) -> Tensor:
    convolved = F.conv2d(x, weight, None, stride, padding, dilation, groups)
    return torch.empty_like(convolved, memory_format=torch.channels_last)


@_conv_add_relu.register_fake
def _(x: Tensor, weight: Tensor, other: Tensor, *rest: object) -> Tensor:
    return torch.empty_like(other, memory_format=torch.channels_last)


class FusedConvolution(nn.Module):
    """A half-precision convolution, with addition of another map and ReLU after it where asked for.

    Args:
        chain: weights and geometry.
    """

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        convolution = chain.convolution
        self.relu = chain.relu
        padding: list[int] = [int(side) for side in convolution.padding]
        self.geometry = (list(convolution.stride), padding, list(convolution.dilation), convolution.groups)
        weight = convolution.weight.detach().half().contiguous(memory_format=torch.channels_last)
        bias = weight.new_zeros(len(weight)) if convolution.bias is None else convolution.bias.detach().half()
        self.weight: Tensor
        self.bias: Tensor | None
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """The convolution of x (B, in, H, W), plus `other` (B, out, H', W') if given, then ReLU if asked for."""
        if not self.relu:
            convolved = F.conv2d(x, self.weight, self.bias, *self.geometry)
            return convolved if other is None else convolved + other
        if other is None:
            return torch.ops.deresunet.conv_relu(x, self.weight, self.bias, *self.geometry)
        return torch.ops.deresunet.conv_add_relu(x, self.weight, other, self.bias, *self.geometry)


def fuse_convolutions(folded: fx.GraphModule, size: tuple[int, int]) -> fx.GraphModule:
    """A copy of a folded network in half precision, whose convolutions are fused with what follows them.

    Args:
        folded: as `fold_batch_norm` returns it.
        size: height and width of any input that it takes.
    """
    graph_module = replace_chains(folded, size, FusedConvolution)
    _move_biases(graph_module)
    return graph_module


def _move_biases(graph_module: fx.GraphModule) -> None:
    """Give the bias of a convolution whose output is only added to another's to that one, where it costs no pass."""
    for node in graph_module.graph.nodes:
        if node.op != "call_module" or len(node.args) != 2:
            continue
        target, source = graph_module.get_submodule(node.target), node.args[1]
        if source.op != "call_module" or len(source.users) != 1 or len(source.args) != 1:
            continue
        before = graph_module.get_submodule(source.target)
        if not isinstance(target, FusedConvolution) or not isinstance(before, FusedConvolution):
            continue
        if not before.relu and target.bias is not None and before.bias is not None:
            target.bias, before.bias = target.bias + before.bias, None
