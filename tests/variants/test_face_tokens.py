"""One token a frame, where there is a face."""

import torch

from bench.model.clip_vip import VideoTokens
from bench.model.small_models import clips, make


def test_every_frame_gains_a_token_that_is_there_only_with_a_face() -> None:
    variant, video = make("face_tokens"), clips(2)
    before = VideoTokens(torch.randn(2, 4, 48), torch.randn(2, 4, 16, 48))
    after = variant.fuse_video(before, video)
    assert after.patches.shape == (2, 4, 17, 48)
    assert torch.equal(after.patches[:, :, :16], before.patches) and torch.equal(after.proxies, before.proxies)
    assert after.keep is not None and video.seen is not None
    assert after.keep[:, :, :16].all() and torch.equal(after.keep[:, :, 16], video.seen)


def test_the_token_is_as_large_as_a_patch_after_its_layer_norm() -> None:
    token = (
        make("face_tokens")
        .fuse_video(VideoTokens(torch.zeros(2, 4, 48), torch.zeros(2, 4, 16, 48)), clips(2))
        .patches[:, :, 16]
    )
    assert torch.allclose(token.std(dim=-1, correction=0), torch.ones(2, 4), atol=0.02)
