"""What a variant and the engine ask of a backbone: two towers that give texts and clips features of one space."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.model.clip_vip import VideoTokens


def layers(model: nn.Module) -> dict[str, nn.Module]:
    """The layers of a model's towers, by name, as transformers marks them."""
    return {name: module for name, module in model.named_modules() if isinstance(module, GradientCheckpointingLayer)}


class Backbone(nn.Module, ABC):
    """Two towers. Features are (B, P) and of unit norm, P the width of the space that both share."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen: tuple[str, ...] = ()  # of "video" and "text", the towers that are not trained

    def tower(self, name: str) -> list[nn.Module]:
        """The parts of the "video" or the "text" tower with its projection, as transformers names them.

        The temperature is in neither.
        """
        parts = [part for model in self.children() for part in model.named_children()]
        return [module for part, module in parts if part.startswith("text_") == (name == "text")]

    def freeze(self, towers: Sequence[str]) -> None:
        """From now on these towers, "video" and "text", have no gradients and, in training too, no dropout."""
        self.frozen = tuple(towers)
        for name in towers:
            for module in self.tower(name):
                module.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for name in self.frozen:
            for module in self.tower(name):
                module.eval()
        return self

    @property
    @abstractmethod
    def logit_scale(self) -> Tensor:
        """The learned temperature, before exp; a parameter of one number."""

    @abstractmethod
    def encode_text(
        self, input_ids: Tensor, attention_mask: Tensor, fuse: Callable[[Tensor], Tensor]
    ) -> Tensor:  # (B, L), (B, L) -> (B, P)
        """Captions to features. fuse: `Variant.fuse_text`, for a backbone that lets it at its tokens."""

    @abstractmethod
    def encode_video(
        self, pixels: Tensor, fuse: Callable[["VideoTokens"], "VideoTokens"]
    ) -> Tensor:  # (B, T, 3, H, W), CLIP-normalized -> (B, P)
        """Clips to features. fuse: `Variant.fuse_video`, for a backbone that lets it at its tokens."""

    @property
    @abstractmethod
    def text_places(self) -> int:
        """The longest caption that the text tower takes, in tokens."""

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """How many tokens the text tower has an embedding for."""

    @property
    @abstractmethod
    def image_size(self) -> int:
        """The pixels of a frame's side that the vision tower takes."""

    @property
    def frames(self) -> int | None:
        """How many frames a clip must have; None: any number."""
        return None

    def recompute(self) -> None:
        """From now on, in training, keep no activations inside the layers: the backward pass computes them again.

        UsageError: this model has no layers for which transformers can do that.
        """
        found: list[Any] = [*layers(self).values()]
        if not found:
            raise UsageError("--train.recompute: transformers cannot do that with this model. Take --train.chunk.")
        for layer in found:
            layer.gradient_checkpointing = True
            layer._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)

    @abstractmethod
    def metadata(self) -> dict[str, str]:
        """What must stand beside the weights in a file so that the backbone can be built again."""
