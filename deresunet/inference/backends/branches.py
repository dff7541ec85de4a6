"""A network's independent branches apart from what joins them, so that a GPU can run them side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.split_module import split_module


@dataclass(frozen=True)
class Branches:
    """A two-stream network in three parts: `join(*rgb(image), *depth(image))` is what the whole gives.

    Attributes:
        rgb: what depends on the first input alone, from it to a tuple of maps.
        depth: what depends on the second input alone.
        join: the rest, from the maps of both.
    """

    rgb: Callable[[Tensor], tuple[Tensor, ...]]
    depth: Callable[[Tensor], tuple[Tensor, ...]]
    join: Callable[..., Tensor]


def split_branches(network: fx.GraphModule) -> Branches:
    """Split a traced network of two inputs into its parts.

    Raises:
        ValueError: it has another number of inputs, or a part is empty.
    """
    inputs = [node for node in network.graph.nodes if node.op == "placeholder"]
    if len(inputs) != 2:
        raise ValueError(f"the network has {len(inputs)} inputs; expected two")
    # Of each node the inputs that it depends on, as bits; nodes come in an order in which that is known.
    depends: dict[fx.Node, int] = {node: 1 << place for place, node in enumerate(inputs)}
    for node in network.graph.nodes:
        depends.setdefault(node, 0)
        for source in node.all_input_nodes:
            depends[node] |= depends[source]
    whole = split_module(network, network, lambda node: depends[node] or 3)
    parts: dict[int, nn.Module] = {}
    for number in (1, 2, 3):
        part = getattr(whole, f"submod_{number}", None)
        if part is None:
            raise ValueError("the network has no two branches that meet")
        parts[number] = part
    order = _order_of_maps(whole)
    join = parts[3]
    return Branches(
        rgb=_as_tuple(parts[1]),
        depth=_as_tuple(parts[2]),
        join=lambda *maps: join(*(maps[place] for place in order)),
    )


def run_side_by_side(
    first: Callable[[], tuple[Tensor, ...]], second: Callable[[], tuple[Tensor, ...]], device: torch.device
) -> tuple[Tensor, ...]:
    """Run both functions and join their outputs; on a CUDA device they run at once, `second` on a stream of its own.

    The side stream waits for the current one and the current one for it, so memory of either is used again only after
    both are done with it.
    """
    current = torch.cuda.current_stream(device)
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    side.wait_stream(current)
    with torch.cuda.stream(side):
        of_second = second()
    of_first = first()
    current.wait_stream(side)
    return (*of_first, *of_second)


def _as_tuple(part: nn.Module) -> Callable[[Tensor], tuple[Tensor, ...]]:
    def run(image: Tensor) -> tuple[Tensor, ...]:
        maps: Any = part(image)
        return maps if isinstance(maps, tuple) else (maps,)

    return run


def _order_of_maps(whole: fx.GraphModule) -> list[int]:
    """For each argument of the joining part its place among the maps of both branches."""
    calls = {str(node.target): node for node in whole.graph.nodes if node.op == "call_module"}
    places: dict[fx.Node, int] = {}
    for number in (1, 2):
        branch = calls[f"submod_{number}"]
        start = len(places)
        # A branch of several maps gives a tuple, from which each is picked (operator.getitem).
        picks = [user for user in branch.users if user.op == "call_function"]
        places |= {user: start + int(user.args[1]) for user in picks} or {branch: start}
    return [places[source] for source in calls["submod_3"].args]
