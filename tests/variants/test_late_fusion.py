"""Content and emotion agreement, mixed at test and not in training."""

from dataclasses import replace

import torch

from bench.model.small_models import clips, make, naming

JOY, ANGER = [1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 2, 0]


def shown(*emotions: int) -> torch.Tensor:
    """Faces (n, 4, 8) that show one emotion for sure, each in a clip of its own."""
    return torch.eye(8)[list(emotions)][:, None].expand(-1, 4, -1).contiguous()


@torch.no_grad()
def test_the_score_is_alpha_content_and_the_rest_agreement() -> None:
    variant, plain = make("late_fusion", alpha=0.3), make("plain")
    text = naming(JOY, ANGER, [0] * 8)
    video = replace(clips(3), faces=shown(0, 6, 0) * torch.tensor([1.0, 1.0, 0.0])[:, None, None])
    video = replace(video, seen=torch.ones(3, 4, dtype=torch.bool))  # joyful, angry, calm
    content = plain.encode_text(text) @ plain.encode_video(video).T
    scores = variant.similarity(variant.encode_text(text), variant.encode_video(video))
    assert torch.allclose(scores, 0.3 * content + 0.7 * torch.eye(3), atol=1e-5)


@torch.no_grad()
def test_two_emotions_agree_by_their_cosine() -> None:
    variant = make("late_fusion", alpha=0.0)
    video = replace(clips(1), faces=shown(0), seen=torch.ones(1, 4, dtype=torch.bool))
    text = naming([1, 0, 0, 0, 1, 0, 0, 0])
    scores = variant.similarity(variant.encode_text(text), variant.encode_video(video))
    assert torch.allclose(scores, torch.tensor([[0.5**0.5]]), atol=1e-6)


@torch.no_grad()
def test_a_clip_without_a_face_agrees_with_nothing() -> None:
    variant = make("late_fusion", alpha=0.0)
    video = replace(clips(1), seen=torch.zeros(1, 4, dtype=torch.bool))
    text = naming(JOY, [0] * 8)
    assert not variant.similarity(variant.encode_text(text), variant.encode_video(video)).any()


@torch.no_grad()
def test_scores_that_add_up_to_more_than_one_leave_no_calm_below_zero() -> None:
    variant = make("late_fusion", alpha=0.0)
    video = replace(clips(1), faces=shown(0) + shown(4), seen=torch.ones(1, 4, dtype=torch.bool))
    scores = variant.similarity(variant.encode_text(naming([0] * 8)), variant.encode_video(video))
    assert scores.item() == 0


@torch.no_grad()
def test_training_sees_content_alone_as_plain_does() -> None:
    variant, plain = make("late_fusion").train(), make("plain").train()
    text, video = naming(JOY, ANGER), clips(2)
    one = variant.similarity(variant.encode_text(text), variant.encode_video(video))
    assert torch.equal(one, plain.similarity(plain.encode_text(text), plain.encode_video(video)))


@torch.no_grad()
def test_the_content_is_plain_s_whatever_the_emotion() -> None:
    variant, plain = make("late_fusion"), make("plain")
    text, video = naming(JOY, ANGER, [0] * 8), clips(3)
    for one, other in (
        (variant.encode_text(text), plain.encode_text(text)),
        (variant.encode_video(video), plain.encode_video(video)),
    ):
        assert torch.equal(one[:, :-9], other)
        assert one.shape == (3, other.shape[1] + 9)
