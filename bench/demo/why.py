"""Which words of a query give a moment its score, by `bench.analysis.explain`, where the model is a run of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bench.analysis.explain import QueryExplanation, explain_words
from bench.data.loading import Collator
from bench.emotions.sources import SourceOptions
from bench.engine.reopen import find_record
from bench.errors import BenchError
from bench.model.checkpoints import read_tokenizer, run_weights
from bench.model.clip_vip import ClipVip
from bench.model.variant import Variant
from bench.records.store import load_run
from bench.search.index_store import Store
from bench.search.models import OfVariant
from bench.search.searcher import Searcher, check_query


@dataclass(frozen=True)
class _Reader:
    """A run's variant as the search has loaded it, with what reads its queries."""

    name: str
    variant: Variant
    tokenizer: Tokenizer
    tokens: int
    source: str  # of emotions
    options: SourceOptions

    def collator(self, captions: Sequence[str], control: str = "") -> Collator:
        known = list(captions) if self.variant.text_needs else None
        return Collator(
            self.tokenizer,
            self.tokens,
            self.variant.phrase,
            known,
            source=self.source,
            options=self.options,
            control=control or "true",
        )


def unexplained(searcher: Searcher) -> str:
    """Why this model's scores are not explained, in one line; empty if they are."""
    encoder = searcher.encoder
    if not (searcher.store.about.model.startswith("run:") and isinstance(encoder, OfVariant)):
        return "Only the scores of runs of this suite are explained, and this model is not one of them."
    if not isinstance(encoder.variant.backbone, ClipVip):
        return "Only the scores of CLIP-ViP are explained; this run has another model."
    return ""


def explained(searcher: Searcher, query: str, window: int) -> QueryExplanation:
    """What each word of a query gives to its score with a window of the index; `unexplained` must be empty.

    UsageError: more words than the text tower reads. BenchError: the run is gone since it was loaded. Neither says
    where anything lies.
    """
    about, encoder = searcher.store.about, searcher.encoder
    assert isinstance(encoder, OfVariant)
    run, results = about.model.removeprefix("run:"), Path(about.results)
    try:
        record = load_run(find_record(run, results))
        tokenizer = read_tokenizer(run_weights(run, results))
    except BenchError:
        raise BenchError(f"the record of {run} cannot be read any more, so its scores are not explained.") from None
    tokens = record.config["model"]["tokens"]
    reader = _Reader(record.variant, encoder.variant, tokenizer, tokens, encoder.source, encoder.options)
    bank = encoder.bank(_features(searcher.store, window)[None])
    return explain_words(reader, check_query(query, 1), bank, 0)


def _features(store: Store, window: int) -> NDArray[np.float32]:  # (P,)
    [found] = [features[ids == window] for ids, features in store.features() if window in ids]
    return found[0]
