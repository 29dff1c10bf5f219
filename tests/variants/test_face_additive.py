"""The mean face over the frames that show one, added to the proxies."""

import torch

from bench.model.clip_vip import VideoTokens
from bench.model.small_models import clips, make


@torch.no_grad()
def test_the_proxies_get_the_projected_mean_over_seen_frames() -> None:
    variant, video = make("face_additive"), clips(2)
    variant.face.weight.copy_(torch.randn(48, 8))
    assert video.faces is not None and video.seen is not None
    before = VideoTokens(torch.randn(2, 4, 48), torch.randn(2, 4, 16, 48))
    after = variant.fuse_video(before, video)
    for clip in range(2):
        mean = video.faces[clip][video.seen[clip]].mean(dim=0)
        assert torch.allclose(after.proxies[clip], before.proxies[clip] + variant.face.weight @ mean, atol=1e-5)
    assert torch.equal(after.patches, before.patches)
