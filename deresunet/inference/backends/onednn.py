"""Convolutions prepared once for the CPU: weights in oneDNN's own layout, with addition and ReLU in the same pass.

PyTorch's compiler emits the same operators; calling them needs neither a compiler nor a package. They are not public,
so `deresunet.inference.backends.registry` checks the result once and goes without them where it differs or they are
missing.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from deresunet.inference.backends.chains import Chain, replace_chains


class PackedConvolution(nn.Module):
    """A convolution, with addition of another map and ReLU after it where asked for.

    Args:
        chain: weights and geometry; the weights are laid out for its shape, other sizes work too.
        dtype: arithmetic: float32 or bfloat16 (products summed in float32 either way).
    """

    def __init__(self, chain: Chain, dtype: torch.dtype) -> None:
        super().__init__()
        convolution = chain.convolution
        self.dtype = dtype
        self.activation = "relu" if chain.relu else "none"
        self.geometry = (
            list(convolution.padding),
            list(convolution.stride),
            list(convolution.dilation),
            convolution.groups,
        )
        weight = convolution.weight.detach().to(dtype)
        # No buffer: a tensor in oneDNN's layout can be neither moved nor saved.
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.geometry, list(chain.shape))
        self.bias = None if convolution.bias is None else convolution.bias.detach().to(dtype)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """The convolution of x (B, in, H, W), plus `other` (B, out, H', W') if given, then ReLU if asked for."""
        x = x.to(self.dtype)
        stride = self.geometry[1][1]
        if stride > 1 and x.shape[-1] <= stride:
            # In bfloat16 oneDNN reads beyond maps that are one column wide after a stride (PyTorch 2.14): give it two.
            wider = functional.pad(x, (0, stride)), None if other is None else functional.pad(other, (0, 1))
            return self.run(*wider)[..., :1]
        return self.run(x, other)

    def run(self, x: Tensor, other: Tensor | None) -> Tensor:
        """The convolution by oneDNN."""
        tail = (self.weight, self.bias, *self.geometry)
        if other is None:
            return torch.ops.mkldnn._convolution_pointwise(x, *tail, self.activation, [], "")
        return torch.ops.mkldnn._convolution_pointwise(x, other, *tail, "add", 1.0, self.activation, [], "")


def pack_convolutions(folded: fx.GraphModule, size: tuple[int, int], dtype: torch.dtype) -> fx.GraphModule:
    """A copy of a folded network whose convolutions are packed; its inputs are cast to `dtype`.

    Convolutions after which no other comes (the head) stay in float32: their output is compared among classes, and
    bfloat16 would make ties of near ones.

    Args:
        folded: as `fold_batch_norm` returns it.
        size: height and width of the input that the weights are laid out for.
        dtype: float32 or bfloat16.
    """
    return replace_chains(folded, size, lambda chain: PackedConvolution(chain, torch.float32 if chain.last else dtype))
