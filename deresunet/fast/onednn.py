"""Convolutions prepared once for the CPU: weights in oneDNN's own layout, with addition and ReLU in the same pass.

PyTorch's compiler emits the same operators; calling them needs neither a compiler nor a package. They are not public,
so `deresunet.fast.paths` checks the result once and goes without them where it differs or they are missing.
"""

from __future__ import annotations

import operator

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.passes.shape_prop import ShapeProp

_ADDITIONS = (operator.add, operator.iadd, torch.add)
_RELUS = (F.relu, torch.relu)


class PackedConvolution(nn.Module):
    """A convolution, with addition of another map and ReLU after it where asked for.

    Args:
        convolution: takes weights and geometry from it.
        shape: the input's, for which the weights are laid out; other sizes work too.
        relu: whether ReLU follows.
        dtype: arithmetic: float32 or bfloat16 (products summed in float32 either way).
    """

    def __init__(self, convolution: nn.Conv2d, shape: torch.Size, relu: bool, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.activation = "relu" if relu else "none"
        self.geometry = (
            list(convolution.padding),
            list(convolution.stride),
            list(convolution.dilation),
            convolution.groups,
        )
        weight = convolution.weight.detach().to(dtype)
        # No buffer: a tensor in oneDNN's layout can be neither moved nor saved.
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.geometry, list(shape))
        self.bias = None if convolution.bias is None else convolution.bias.detach().to(dtype)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """The convolution of x (B, in, H, W), plus `other` (B, out, H', W') if given, then ReLU if asked for."""
        x = x.to(self.dtype)
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
    copied = fx.Graph()
    copied.output(copied.graph_copy(folded.graph, {}))
    graph_module = fx.GraphModule(folded, copied)
    graph = graph_module.graph
    _propagate_shapes(graph_module, size)
    order = {node: place for place, node in enumerate(graph.nodes)}
    convolutions = [node for node in graph.nodes if _is(graph_module, node, nn.Conv2d)]
    heads = _without_successor(convolutions)
    for node in convolutions:
        last: fx.Node = node
        other: fx.Node | None = None
        follower = _only_user(node)
        if follower is not None and follower.op == "call_function" and follower.target in _ADDITIONS:
            a, b = follower.args[:2]
            summand = b if a is node else a
            if isinstance(summand, fx.Node) and _same_shape(summand, node) and order[summand] < order[node]:
                last, other = follower, summand
                follower = _only_user(last)
        relu = follower is not None and (
            _is(graph_module, follower, nn.ReLU) or (follower.op == "call_function" and follower.target in _RELUS)
        )
        if relu and follower is not None:
            last = follower
        packed = PackedConvolution(
            graph_module.get_submodule(node.target),  # type: ignore[arg-type]
            node.args[0].meta["tensor_meta"].shape,
            relu,
            torch.float32 if node in heads else dtype,
        )
        place = order[last]
        order[_replace(graph_module, node, last, other, packed)] = place
    graph_module.delete_all_unused_submodules()
    graph.lint()
    graph_module.recompile()
    return graph_module


def _propagate_shapes(graph_module: fx.GraphModule, size: tuple[int, int]) -> None:
    """Note each node's shape, without computing anything."""
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        inputs = [torch.empty(1, channels, *size) for channels in (3, 1)]
        ShapeProp(graph_module, fake_mode=fake).propagate(*inputs)


def _replace(
    graph_module: fx.GraphModule, first: fx.Node, last: fx.Node, other: fx.Node | None, packed: PackedConvolution
) -> fx.Node:
    """Put `packed` in the place of the chain of nodes from `first` to `last`; returns its node."""
    graph_module.set_submodule(str(first.target), packed)
    arguments = (first.args[0],) if other is None else (first.args[0], other)
    with graph_module.graph.inserting_before(last):
        node = graph_module.graph.call_module(str(first.target), arguments)
    node.meta = dict(last.meta)
    last.replace_all_uses_with(node)
    while last is not first:
        # The chain's earlier end: of an addition, the summand that is the convolution.
        before = first if first in last.all_input_nodes else last.all_input_nodes[0]
        graph_module.graph.erase_node(last)
        last = before
    graph_module.graph.erase_node(first)
    return node


def _is(graph_module: fx.GraphModule, node: fx.Node, kind: type[nn.Module]) -> bool:
    return node.op == "call_module" and isinstance(graph_module.get_submodule(str(node.target)), kind)


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _same_shape(a: fx.Node, b: fx.Node) -> bool:
    return a.meta["tensor_meta"].shape == b.meta["tensor_meta"].shape


def _without_successor(convolutions: list[fx.Node]) -> set[fx.Node]:
    """Those from which no other of `convolutions` can be reached."""
    found = set()
    wanted = set(convolutions)
    for start in convolutions:
        seen, left = set(), list(start.users)
        while left:
            node = left.pop()
            if node not in seen:
                seen.add(node)
                left.extend(node.users)
        if not seen & wanted:
            found.add(start)
    return found
