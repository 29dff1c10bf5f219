"""What a variant and the engine ask of a backbone: two towers that give texts and clips features of one space."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from bench.model.clip_vip import VideoTokens


class Backbone(nn.Module, ABC):
    """Two towers. Features are (B, P) and of unit norm, P the width of the space that both share."""

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

    @abstractmethod
    def metadata(self) -> dict[str, str]:
        """What must stand beside the weights in a file so that the backbone can be built again."""
