"""What each token of a query gives to its score with a clip: integrated gradients that are checked to add up.

Source: Sundararajan et al., Axiomatic Attribution for Deep Networks, arXiv 1703.01365, by captum's layer integrated
gradients as transformers-interpret wraps them.
"""

from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from bench.data.batch import TextBatch
from bench.data.tokenizer import UNKNOWN
from bench.errors import UsageError
from bench.model.clip_vip import ClipVip
from bench.model.variant import Variant

STEPS = (64, 256, 1024)  # of the integral; more are taken only where fewer do not add up
TOLERANCE = 0.01  # of the score difference
ROUNDING = 1e-6  # a score's, in float32
AT_ONCE = 32  # captions; clips are 30 times as large


class QueryScorer(nn.Module):
    """A variant as what explainers know: a model from token ids (B, L) to scores (B, M) with a bank of clips.

    bank: (M, …) features of clips. text: the query, whose emotions (1, 8), if any, are those of every row, whatever its
    ids.
    """

    def __init__(self, variant: Variant, bank: Tensor, text: TextBatch):
        super().__init__()
        self.variant, self.bank, self.emotions, self.threshold = variant, bank, text.emotions, text.threshold

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        emotions = None if self.emotions is None else self.emotions.expand(len(input_ids), -1)
        text = TextBatch(input_ids, mask, emotions, self.threshold)
        return self.variant.similarity(self.variant.encode_text(text), self.bank).float()


@dataclass(frozen=True)
class TokenAttributions:
    """tokens: (L,), zero at both ends. delta: their sum minus (score - reference_score)."""

    tokens: Tensor
    score: float
    reference_score: float
    delta: float
    steps: int


def attribute(variant: Variant, text: TextBatch, bank: Tensor, place: int, reference: int) -> TokenAttributions:
    """What each token of one caption, (1, L) ids without padding, gives to its score with row `place` of the bank.

    The reference keeps both ends where they are: CLIP takes a text's feature from its end token. Where the sum is off
    by more than TOLERANCE of the difference, more steps are taken.

    transformers-interpret's explainers take a pretrained model with a tokenizer of their own kind, explain a softmax
    over classes and start from the padding token, which is CLIP's end token; all that would have to be overridden. What
    is left is their LIGAttributions, which is used here.
    """
    from transformers_interpret.attributions import LIGAttributions

    if not isinstance(variant.backbone, ClipVip):
        raise UsageError("only CLIP-ViP models can be explained word by word; this model gives only features.")
    ids = text.input_ids
    start = ids.clone()
    start[:, 1:-1] = reference
    scorer = QueryScorer(variant, bank, text)
    embedding = variant.backbone.clipmodel.text_model.embeddings.token_embedding
    with torch.no_grad():
        score, reference_score = (scorer(one)[0, place].item() for one in (ids, start))  # not together: rounding
    for steps in STEPS:
        lig = LIGAttributions(
            scorer,
            embedding,
            ids[0].tolist(),
            ids,
            start,
            int(ids[0, -1]),
            text.attention_mask,
            target=place,
            internal_batch_size=AT_ONCE,
            n_steps=steps,
        )
        tokens = lig._attributions.sum(dim=-1)[0].detach().cpu()  # its own summary scales them to a norm of 1
        delta = float(tokens.double().sum()) - (score - reference_score)
        if adds_up(delta, score - reference_score):
            break
    return TokenAttributions(tokens, score, reference_score, delta, steps)


def adds_up(delta: float, difference: float) -> bool:
    """Whether attributions that miss a score difference by `delta` may be called its parts."""
    return abs(delta) <= TOLERANCE * abs(difference) + ROUNDING


def reference_token(tokenizer: Tokenizer) -> int:
    """The token that stands for "no word": one that no caption taught the model anything about.

    Of a vocabulary built from captions it is the unknown word, which training never met. CLIP's has none; there it is
    token 0, an exclamation mark inside a word, with which OpenAI fills the places behind the end token, where nothing
    sees it. Never the end token, at the first of which CLIP would take the feature.
    """
    unknown = tokenizer.token_to_id(UNKNOWN)
    return 0 if unknown is None else unknown
