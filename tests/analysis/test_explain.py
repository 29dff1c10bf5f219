"""Attributions: planted models whose answer is known, sums that add up, and what is told apart from what."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.analysis.attribution import attribute, reference_token
from bench.analysis.explain import explain
from bench.analysis.occlusion import occlude
from bench.config import ModelConfig, RunConfig, TrainConfig, VideoConfig
from bench.data.batch import TextBatch, VideoBatch
from bench.data.tokenizer import caption_tokenizer, clip_tokenizer
from bench.emotions import EMOTIONS
from bench.engine.reopen import Reopened, reopen
from bench.engine.run import run
from bench.errors import UsageError
from bench.model import variant_registry
from bench.model.small_models import END, START, clips, make, naming, trained
from bench.model.variant import Variant
from bench.records.store import load

NAMES = sorted(variant_registry.entries())
Open = Callable[..., Reopened]


@pytest.fixture(scope="module")
def opened(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Scores a variant over the small folder as it is at its start, once, and opens the run."""
    folder = tmp_path_factory.mktemp("results")

    @cache
    def make_run(variant: str, tokenizer: str = "captions", **settings: str) -> Reopened:
        config = RunConfig(
            variant=variant,
            dataset="msrvtt",
            root=small,
            init="random",
            hp=settings,
            model=ModelConfig(size="tiny", tokenizer=tokenizer, tokens=32),
            video=VideoConfig(frames=4, size=64, workers=0),
            train=TrainConfig(epochs=0, batch=4),
        )
        outcome = run(config, folder)
        assert outcome is not None
        return reopen(outcome.record.run, folder)

    return make_run


def caption(*words: int) -> TextBatch:
    ids = torch.tensor([[START, *words, END]])
    return TextBatch(ids, torch.ones_like(ids))


# --- planted models ---------------------------------------------------------------------------------------------------


class Planted(Variant):
    """The score is the third frame's contrast times how often word 7 is said, and nothing else."""

    def encode_text(self, text: TextBatch) -> Tensor:
        return self.backbone.embed_text(text.input_ids)[:, :, :1].sum(dim=1)  # (B, 1)

    def encode_video(self, video: VideoBatch) -> Tensor:
        return video.pixels[:, 2].flatten(1).std(dim=1, keepdim=True)


@pytest.fixture
def planted() -> Variant:
    variant = Planted(make("plain").backbone)
    with torch.no_grad():
        embeddings = variant.backbone.clipmodel.text_model.embeddings
        embeddings.token_embedding.weight[:, 0] = 0
        embeddings.token_embedding.weight[7, 0] = 1
        embeddings.position_embedding.weight[:, 0] = 0
    return variant


def test_the_planted_word_gets_all_of_the_attribution(planted: Variant) -> None:
    found = attribute(planted, caption(3, 7, 200, 7), torch.tensor([[9.0], [2.5]]), 1, reference=0)
    assert found.tokens.tolist() == pytest.approx([0, 0, 2.5, 0, 2.5, 0], abs=1e-5)
    assert found.score - found.reference_score == pytest.approx(5, abs=1e-5)


def test_a_planted_word_with_a_clip_it_lowers_gets_it_with_the_other_sign(planted: Variant) -> None:
    found = attribute(planted, caption(3, 7), torch.tensor([[-4.0]]), 0, reference=0)
    assert found.tokens.tolist() == pytest.approx([0, 0, -4, 0], abs=1e-5)


def test_the_frame_that_alone_decides_gets_the_whole_score(planted: Variant) -> None:
    clip = clips(1)
    score = clip.pixels[0, 2].std().item()
    losses, blank = occlude(planted, caption(7), clip)
    assert losses == pytest.approx([0, 0, score, 0], abs=1e-5)
    assert blank == 0


def test_no_face_is_seen_in_a_frame_that_is_taken_away() -> None:
    variant = make("late_fusion", alpha=0.0)  # the score is the agreement of the words' emotions with the faces'
    clip = replace(clips(1), seen=torch.tensor([[False, True, False, False]]))
    text = naming([1, 0, 0, 0, 0, 0, 0, 0])
    with torch.no_grad():
        [[score]] = variant.similarity(variant.encode_text(text), variant.encode_video(clip)).tolist()
    losses, blank = occlude(variant, text, clip)
    assert losses == pytest.approx([0, score, 0, 0], abs=1e-6)
    assert blank == 0


# --- the integral -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_attributions_add_up_to_the_difference_of_two_scores(name: str) -> None:
    variant = trained(name)
    counts = torch.tensor([[1.0, 0, 0, 2, 0, 0, 0, 0]])
    text = replace(caption(5, 17, 80, 250, 33), emotions=counts)
    reference = replace(caption(0, 0, 0, 0, 0), emotions=counts)
    with torch.no_grad():
        bank = variant.encode_video(clips(3))
        both = [variant.similarity(variant.encode_text(one), bank)[0, 2].item() for one in (text, reference)]
    found = attribute(variant, text, bank, 2, reference=0)
    assert [found.score, found.reference_score] == pytest.approx(both, abs=1e-6)
    assert found.tokens.sum().item() == pytest.approx(both[0] - both[1], rel=0.01, abs=2e-6)
    assert found.tokens[[0, -1]].tolist() == [0, 0]
    assert found.tokens.abs().max() > 1e-4


def test_attributions_are_those_of_a_slow_integral() -> None:
    variant = make("plain")
    text, start = caption(5, 17, 80), caption(0, 0, 0)
    with torch.no_grad():
        bank = variant.encode_video(clips(2))
    found = attribute(variant, text, bank, 1, reference=0)

    backbone = variant.backbone
    far, near = (backbone.embed_text(one.input_ids).detach() for one in (text, start))
    summed, steps = torch.zeros_like(far), 400
    for step in range(steps):  # the midpoint rule
        tokens = (near + (step + 0.5) / steps * (far - near)).requires_grad_()
        features = backbone.project_text(backbone.run_text(tokens, text.attention_mask), text.input_ids)
        [gradient] = torch.autograd.grad(features @ bank[1], tokens)
        summed += gradient / steps
    slow = (summed * (far - near)).sum(dim=2)[0]
    assert torch.allclose(found.tokens, slow, atol=1e-5)


def test_more_steps_are_taken_where_few_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    variant = make("plain")
    with torch.no_grad():
        bank = variant.encode_video(clips(1))
    monkeypatch.setattr("bench.analysis.attribution.STEPS", (1, 2, 64))
    assert attribute(variant, caption(5, 17, 80, 33), bank, 0, reference=0).steps == 64


# --- the reference token ----------------------------------------------------------------------------------------------


def test_captions_own_tokenizer_has_the_unknown_word_for_reference() -> None:
    tokenizer = caption_tokenizer(["a happy man", "a sad man"])
    assert tokenizer.id_to_token(reference_token(tokenizer)) == "[UNK]"
    assert reference_token(tokenizer) not in tokenizer.encode("a happy sad man").ids  # no word that it knows, no end


def test_clip_s_tokenizer_has_a_reference_that_is_neither_end_nor_word(shared: Path) -> None:
    tokenizer = clip_tokenizer(str(shared / "lexicons" / "bpe_simple_vocab_16e6.txt.gz"))
    reference = reference_token(tokenizer)
    assert reference not in [tokenizer.token_to_id(end) for end in ("<|startoftext|>", "<|endoftext|>")]
    assert reference not in tokenizer.encode("a happy man! he waves, and smiles.").ids


# --- a run ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "additive_text", "emotion_prompt", "late_fusion", "face_text_fusion"])
def test_a_run_s_own_query_has_the_rank_that_its_record_says(name: str, opened: Open) -> None:
    run = opened(name)
    record = load(run.path)
    video, caption = (record.queries[what][3] for what in ("videos", "captions"))
    explained = explain(run, caption, video)
    greater, equal = (record.ranks["t2v"][kind][3] for kind in ("greater", "equal"))
    assert explained.rank == 1 + greater + equal / 2
    assert explained.gallery == 6
    assert explained.adds_up
    assert sum(word.attribution for word in explained.words) == pytest.approx(explained.difference, rel=0.01, abs=2e-6)
    assert [round(frame.second, 2) for frame in explained.frames] == [0, 0.5, 1, 1.5]  # 10 frames, 6 a second: 0 3 6 9


def test_without_a_video_the_top_clip_is_explained(opened: Open) -> None:
    explained = explain(opened("plain"), "a happy man")
    others = [explain(opened("plain"), "a happy man", video) for video in opened("plain").videos]
    assert explained.video == max(others, key=lambda one: one.score).video
    assert (explained.rank, explained.named) == (1, False)
    assert sorted(one.rank for one in others) == [1, 2, 3, 4, 5, 6]


def test_features_that_are_gone_are_made_again(opened: Open) -> None:
    run = opened("face_tokens")
    before = explain(run, "a happy man", "video14")
    (run.path.with_suffix("") / "features.safetensors").unlink()
    after = explain(reopen(str(run.path), Path()), "a happy man", "video14")
    assert after.score == pytest.approx(before.score, abs=1e-6)
    assert after.rank == before.rank


def test_emotion_words_are_told_from_the_others(opened: Open) -> None:
    explained = explain(opened("plain"), "A happy, angry  man (happy)")
    assert [(word.text, word.emotions) for word in explained.words] == [
        ("A", ()),
        ("happy,", ("joy", "trust", "anticipation")),
        ("angry", ("disgust", "anger")),
        ("man", ()),
        ("(happy)", ("joy", "trust", "anticipation")),
    ]
    sizes = [abs(word.attribution) for word in explained.words]
    assert explained.emotional_share == pytest.approx((sizes[1] + sizes[2] + sizes[4]) / sum(sizes))
    assert explained.emotion is None  # plain is told nothing


def test_the_emotion_input_s_effect_is_the_score_with_it_minus_the_score_without(opened: Open) -> None:
    run = opened("additive_text", init_std="1.0")
    explained = explain(run, "a happy man", "video13")
    text = run.collator(["a happy man"]).text(["a happy man"])
    joy = torch.tensor([[float(name in ("joy", "trust", "anticipation")) for name in EMOTIONS]])
    with torch.no_grad():
        scores = [
            run.variant.similarity(run.variant.encode_text(replace(text, emotions=told)), run.gallery)[0, 1].item()
            for told in (joy, torch.zeros(1, 8))
        ]
    assert explained.emotion is not None
    assert explained.emotion.emotions == ("joy", "trust", "anticipation")
    assert explained.effect == pytest.approx(scores[0] - scores[1], abs=1e-6)
    assert abs(explained.effect) > 0.005


def test_a_query_without_emotion_has_no_effect_of_emotion(opened: Open) -> None:
    explained = explain(opened("additive_text"), "a tall man")
    assert explained.emotion is not None
    assert (explained.emotion.emotions, explained.effect) == ((), 0)


def test_words_that_a_variant_puts_before_the_query_are_told_from_its_own(opened: Open) -> None:
    run = opened("emotion_prompt")
    explained = explain(run, "an angry man", "video13")
    assert [(word.text, word.added) for word in explained.words] == [
        ("disgust,", True),
        ("anger:", True),
        ("an", False),
        ("angry", False),
        ("man", False),
    ]
    assert [word.text for word in explained.emotional] == ["angry"]
    assert explained.emotion is not None
    assert explained.emotion.score_without == pytest.approx(
        explain(opened("plain"), "an angry man", "video13").score, abs=1e-6
    )


def test_words_that_the_vocabulary_lacks_are_named(opened: Open) -> None:
    explained = explain(opened("plain"), "a zebra man")
    assert [(word.known, word.attribution == 0) for word in explained.words] == [
        (True, False),
        (False, True),
        (True, False),
    ]


def test_clip_s_tokens_are_put_together_to_words(opened: Open, shared: Path) -> None:
    run = opened("plain", tokenizer=str(shared / "lexicons" / "bpe_simple_vocab_16e6.txt.gz"))
    explained = explain(run, "A naïve café-owner can't   smile 😀!")
    assert [word.text for word in explained.words] == ["A", "naïve", "café-owner", "can't", "smile", "😀!"]
    assert explained.words[2].tokens == ("cafÃ©</w>", "-</w>", "owner</w>")
    assert all(word.known for word in explained.words)
    assert explained.reference == "!"
    assert explained.adds_up


@pytest.mark.parametrize(
    ("query", "video", "line"),
    [
        ("  ", None, "the query is empty."),
        ("a happy man", "video31", "msrvtt/1k-A has no clip 'video31'. Did you mean video17"),
        (
            "a happy man " * 11,
            None,
            "the query has 35 tokens and the model reads 32: shorten it by what comes from 'a happy man ' on.",
        ),
    ],
)
def test_what_cannot_be_explained_is_one_line(query: str, video: str | None, line: str, opened: Open) -> None:
    with pytest.raises(UsageError) as error:
        explain(opened("plain"), query, video)
    assert line in str(error.value)
