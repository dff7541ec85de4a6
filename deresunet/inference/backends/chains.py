"""Chains of a folded network that one operation can take over: a convolution, an addition after it, ReLU after that.

What a chain becomes is the device's matter (`onednn.py`, `cudnn.py`); where the chains are is the network's.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.passes.shape_prop import ShapeProp

_ADDITIONS = (operator.add, operator.iadd, torch.add)
_RELUS = (F.relu, torch.relu)


@dataclass(frozen=True)
class Chain:
    """A convolution and what follows it.

    Attributes:
        convolution: with its weights; it takes the first input.
        shape: of that input, for a batch of one.
        added: whether a second input, of the convolution's output's shape, is added.
        relu: whether ReLU follows.
        last: whether no other convolution comes after it.
    """

    convolution: nn.Conv2d
    shape: torch.Size
    added: bool
    relu: bool
    last: bool


def replace_chains(folded: fx.GraphModule, size: tuple[int, int], make: Callable[[Chain], nn.Module]) -> fx.GraphModule:
    """A copy of a folded network with each chain replaced by one module of one or two inputs.

    Args:
        folded: as `fold_batch_norm` returns it.
        size: height and width of the input that `Chain.shape` is told for.
        make: from a chain to the module that computes it.
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
        chain = Chain(
            graph_module.get_submodule(str(node.target)),  # type: ignore[arg-type]
            node.args[0].meta["tensor_meta"].shape,
            other is not None,
            relu,
            node in heads,
        )
        place = order[last]
        order[_replace(graph_module, node, last, other, make(chain))] = place
    graph_module.delete_all_unused_submodules()
    graph.lint()
    graph_module.recompile()
    return graph_module


def _propagate_shapes(graph_module: fx.GraphModule, size: tuple[int, int]) -> None:
    """Note each node's shape, without computing anything."""
    parameter = next(graph_module.parameters())
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        inputs = [
            torch.empty(1, channels, *size, dtype=parameter.dtype, device=parameter.device) for channels in (3, 1)
        ]
        ShapeProp(graph_module, fake_mode=fake).propagate(*inputs)


def _replace(
    graph_module: fx.GraphModule, first: fx.Node, last: fx.Node, other: fx.Node | None, module: nn.Module
) -> fx.Node:
    """Put `module` in the place of the chain of nodes from `first` to `last`; returns its node."""
    graph_module.set_submodule(str(first.target), module)
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
