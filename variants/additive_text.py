"""The report's variant, with its initialization as a hyperparameter."""

from torch import Tensor, nn

from bench import Variant, register
from bench.data.batch import TextBatch
from bench.emotions import EMOTIONS, FROM_REPORT
from bench.errors import BenchError
from bench.model.clip_vip import ClipVip

PUBLISHED_KEY = "clipmodel.text_model.embeddings.emotion_embedding.weight"


@register("additive_text")
class AdditiveText(Variant):
    """Adds the mean embedding of a caption's emotions to every text token (MIE1517, 2024).

    Tokens (B, L, D) plus a mean (B, 1, D) over the rows of an (8, D) embedding whose NRC count is above zero,
    before the text tower. A caption without emotion passes unchanged. Adds 8 x D parameters, D the text tower's
    width. init_std is the standard deviation of their start: 1.0 as published (CLIP's own token embeddings have
    about 0.02), 0 to start as plain.
    """

    text_needs = ("emotions",)
    adds_at_b32 = 8 * 512
    learns_from = ("emotions",)
    at_chance = (
        "As published: with init_std 1 what it adds drowns the words (reports/collapse.md). With --hp.init_std 0 it "
        "reaches a T2V R@1 of 62.6 % [59.2–65.9] on moodclips (800 queries, seed 42)."
    )

    def __init__(self, backbone: ClipVip, *, init_std: float = 1.0):
        super().__init__(backbone)
        self.emotion = nn.Embedding(len(EMOTIONS), backbone.text_width)
        nn.init.normal_(self.emotion.weight, std=init_std)

    def fuse_text(self, tokens: Tensor, text: TextBatch) -> Tensor:
        mean = text.shares @ self.emotion.weight  # (B, D)
        return tokens + mean[:, None]

    def take_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        if PUBLISHED_KEY not in state:
            return {}
        rows = state.pop(PUBLISHED_KEY)  # in the report's order of training
        if len(rows) != len(EMOTIONS):
            raise BenchError(f"{PUBLISHED_KEY} has {len(rows)} rows, not one for each of {len(EMOTIONS)} emotions.")
        return {"emotion.weight": rows[list(FROM_REPORT)]}
