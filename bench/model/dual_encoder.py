"""Any dual encoder of Hugging Face as a backbone: CLIP, SigLIP, X-CLIP and others that give text and image features.

Its towers stay closed: a variant can change what goes in (words) and what comes out (features, losses), no tokens.
Reading one from a folder is in `bench/model/hugging_face.py`.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, pad
from transformers import PreTrainedModel

from bench.data.pixels import MEAN, STD
from bench.errors import UsageError
from bench.model.backbone import Backbone
from bench.model.clip_vip import ClipVip, VideoTokens

TEMPERATURE = math.log(1 / 0.07)  # CLIP's start, for a model that has no logit scale of its own


@dataclass(frozen=True)
class Inputs:
    """What a model's own processor and tokenizer make of images and texts."""

    image_size: int  # pixels of a side
    mean: tuple[float, ...]  # of (R, G, B) in 0..1
    std: tuple[float, ...]
    padding: int  # the token that fills up a text
    places: int  # the longest text, in tokens
    masked: bool  # whether the text tower is told which tokens are padding
    filled: bool  # whether every text is filled up to `places`, because padding changes the features


class DualEncoder(Backbone):
    """A text tower beside a video tower, or beside an image tower whose features of a clip's frames are averaged.

    The mean is of the frames' unit features, as in Luo et al., CLIP4Clip, arXiv 2104.08860.
    """

    def __init__(self, model: PreTrainedModel, inputs: Inputs):
        super().__init__()
        self.model: Any = model  # with methods that PreTrainedModel itself does not have
        self.inputs = inputs
        if not hasattr(model, "logit_scale"):
            self.own_scale = nn.Parameter(torch.tensor(TEMPERATURE))
        # pixels come normalized as CLIP's: times `gain` plus `shift` they are normalized as this model's
        here, clip = (torch.tensor((inputs.mean, inputs.std)), torch.tensor((MEAN, STD)))
        self.register_buffer("gain", (clip[1] / here[1])[:, None, None], persistent=False)
        self.register_buffer("shift", ((clip[0] - here[0]) / here[1])[:, None, None], persistent=False)

    def __getattr__(self, name: str) -> Any:  # asked for what is not there
        if name in vars(ClipVip):
            raise UsageError(
                f"a variant that uses `backbone.{name}` needs CLIP-ViP, and this is a {type(self.model).__name__}."
            )
        return super().__getattr__(name)

    @property
    def config(self) -> Any:
        """The model's configuration, as transformers has it."""
        return self.model.config

    @property
    def logit_scale(self) -> Tensor:
        """The learned temperature, before exp; a parameter of one number."""
        return self.own_scale if "own_scale" in self._parameters else self.model.logit_scale

    @property
    def text_places(self) -> int:
        """The longest caption that the text tower takes, in tokens."""
        return self.inputs.places

    @property
    def vocabulary(self) -> int:
        """How many tokens the text tower has an embedding for."""
        return int(self.config.get_text_config().vocab_size)

    @property
    def image_size(self) -> int:
        """The pixels of a frame's side that the vision tower takes."""
        return self.inputs.image_size

    @property
    def frames(self) -> int | None:
        """How many frames a clip must have, where a video tower says so; None: any number."""
        return getattr(self.config.vision_config, "num_frames", None) if self.has_video_tower else None

    @property
    def has_video_tower(self) -> bool:
        """Whether it sees a clip's frames together."""
        return hasattr(self.model, "get_video_features")

    def encode_text(
        self, input_ids: Tensor, attention_mask: Tensor, fuse: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:  # (B, L), (B, L) -> (B, P)
        """Captions to features. fuse: not called."""
        more = self.inputs.places - input_ids.shape[1] if self.inputs.filled else 0
        mask = pad(attention_mask, (0, more))
        ids = pad(input_ids, (0, more)).masked_fill(mask == 0, self.inputs.padding)
        told = {"attention_mask": mask} if self.inputs.masked else {}
        return normalize(_pooled(self.model.get_text_features(input_ids=ids, **told)).float(), dim=-1)

    def encode_video(
        self, pixels: Tensor, fuse: Callable[[VideoTokens], VideoTokens] | None = None
    ) -> Tensor:  # (B, T, 3, H, W) -> (B, P)
        """Clips to features. fuse: not called."""
        pixels = pixels * self.gain + self.shift
        if self.has_video_tower:
            return normalize(_pooled(self.model.get_video_features(pixel_values=pixels)).float(), dim=-1)
        images = _pooled(self.model.get_image_features(pixel_values=pixels.flatten(0, 1)))
        frames = normalize(images.float(), dim=-1).unflatten(0, pixels.shape[:2])  # (B, T, P)
        return normalize(frames.mean(dim=1), dim=-1)

    def metadata(self) -> dict[str, str]:
        """The model's configuration and its inputs, as JSON."""
        return {"hf_config": self.config.to_json_string(use_diff=False), "hf_inputs": json.dumps(asdict(self.inputs))}


def _pooled(found: Any) -> Tensor:
    """The features among what a tower gives."""
    features = found if isinstance(found, Tensor) else found.pooler_output
    assert isinstance(features, Tensor)
    return features
