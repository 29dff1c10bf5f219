"""Both of its parts, and nothing beside them."""

import torch

from bench.model.small_models import captions, clips, trained


@torch.no_grad()
def test_its_sides_are_cross_attention_s_text_and_face_tokens_video() -> None:
    both, text_side, video_side = (trained(name) for name in ("face_text_fusion", "cross_attention", "face_tokens"))
    own = {key: value for key, value in both.state_dict().items() if not key.startswith("backbone.")}
    for side in (text_side, video_side):
        side.load_state_dict({key: value for key, value in own.items() if key in side.state_dict()}, strict=False)
    text, video = captions([3, 5]), clips(2)
    assert torch.equal(both.encode_text(text), text_side.encode_text(text))
    assert torch.equal(both.encode_video(video), video_side.encode_video(video))
