"""`--train.compile`: torch.compile of the towers' layers, in training, where it earns the compiler's time.

The layers of a tower are alike, so what is compiled for one of them serves all. Evaluation runs them as they are: one
pass over a gallery does not earn the compiler's time, and the features of a run's weights are the same to the bit
whether its training was compiled or not. `docs/performance.md` has what it saves, and how compiled layers round.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bench.model.backbone import layers
from bench.utils.messages import say_once

SAVED = 0.002  # seconds a layer and batch: b32's 24 layers take 84 in place of 142 ms for a batch of 64 on an H200
START = 30.0  # seconds that compiling may take
SHAPES = 64  # of layers and inputs, for which there is compiled code; beyond them torch goes on without, in silence
COMPILER: dict[str, Any] = {"backend": "inductor", "options": {"fallback_random": True}}  # dropout as without it


def pays(how: Literal["auto", "on", "off"], device: torch.device, batches: int, count: int) -> bool:
    """Whether to compile. auto: on CUDA, if `batches` through `count` layers are expected to save more than START."""
    if how == "auto":
        return device.type == "cuda" and batches * count * SAVED > START
    return how == "on"


def compilable(model: nn.Module) -> dict[str, nn.Module]:
    """The layers that are in training mode, by name: those of a frozen tower never are, and run as they are."""
    return {name: layer for name, layer in layers(model).items() if layer.training}


@contextmanager
def compiled(model: nn.Module, on: bool) -> Iterator[Callable[[], bool]]:
    """Within it, if `on`, the layers of a model in training mode run compiled. Names of parameters and buffers stay as
    they are.

    Where the compiler fails, a line on stderr says so and all layers go on as they are. What it yields says whether
    they run compiled by now.
    """
    found = compilable(model) if on else {}
    failed: list[str] = []
    with ExitStack() as settings:
        if found:
            import torch._dynamo  # takes a second
            import torch._functorch

            settings.enter_context(torch._dynamo.config.patch(recompile_limit=SHAPES))
            if hasattr(torch._functorch.config, "force_non_lazy_backward_lowering"):  # fails here, not in backward()
                settings.enter_context(torch._functorch.config.patch(force_non_lazy_backward_lowering=True))
        for name, layer in found.items():
            fast = torch.compile(layer.forward, dynamic="text" in name, **COMPILER)  # clips are of one length
            layer.forward = _in_training(layer, fast, layer.forward, failed)
        try:
            yield lambda: bool(found) and not failed
        finally:
            for layer in found.values():
                del layer.forward  # the method of its class is below


def _in_training(
    layer: nn.Module, fast: Callable[..., Tensor], plain: Callable[..., Tensor], failed: list[str]
) -> Callable[..., Tensor]:
    def forward(*inputs: Any, **settings: Any) -> Tensor:
        if layer.training and not failed:
            try:
                return fast(*inputs, **settings)
            except torch._dynamo.exc.TorchDynamoException as error:
                failed.append(str(getattr(error, "inner_exception", error)).strip())
                say_once(f"torch.compile failed, so training goes on without it: {' '.join(failed[0].split())[:200]}")
        return plain(*inputs, **settings)

    return forward
