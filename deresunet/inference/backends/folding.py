"""BatchNorm folded into the convolution before it: the same function with fewer passes over memory.

In eval mode BatchNorm is a factor and an offset per channel, and so is the end of a convolution: the weights take the
factor and the bias the offset (Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section 3.2).
"""

from __future__ import annotations

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

# What does nothing in eval mode.
_IDLE = (nn.Dropout, nn.Dropout2d, nn.Identity)


def fold_batch_norm(model: nn.Module) -> fx.GraphModule:
    """A copy of `model` as a graph, without BatchNorm that follows a convolution, dropout and identities.

    Args:
        model: a network in eval mode; it stays as it is. Tensors that folding does not change are shared with it.

    Raises:
        ValueError: the network is in training mode, where BatchNorm depends on the batch.
    """
    if model.training:
        raise ValueError("the network is in training mode; call eval() first: BatchNorm cannot be folded there")
    graph_module = fx.symbolic_trace(model)
    graph = graph_module.graph
    with torch.no_grad():
        for node in list(graph.nodes):
            if node.op != "call_module":
                continue
            module, source = graph_module.get_submodule(node.target), node.args[0]
            if isinstance(module, nn.BatchNorm2d) and source.op == "call_module" and len(source.users) == 1:
                convolution = graph_module.get_submodule(source.target)
                if not isinstance(convolution, nn.Conv2d):
                    continue
                graph_module.set_submodule(source.target, fuse_conv_bn_eval(convolution, module))
            elif not isinstance(module, _IDLE):
                continue
            node.replace_all_uses_with(source)
            graph.erase_node(node)
    graph_module.delete_all_unused_submodules()
    graph.lint()
    graph_module.recompile()
    return graph_module.eval().requires_grad_(False)
