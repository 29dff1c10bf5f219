"""What each variant adds at b32, worked out by hand as its docstring says. A new variant needs a line here."""

import pytest

from bench.model import registry

D, V, P = 512, 768, 77  # width of the text and of the vision tower, places of the text tower
CROSS_ATTENTION = 4 * D**2 + 14 * D + 1
FACE_TOKENS = 8 * V + 3 * V
ADDED = {
    "additive_text": 8 * D,
    "attention_modulation": 8 * 64 + D * 64 + 2 * D + 1,
    "cross_attention": CROSS_ATTENTION,
    "emotion_alignment": 0,
    "emotion_position": 8 * P * D,
    "emotion_prompt": 0,
    "face_additive": 8 * V,
    "face_text_fusion": CROSS_ATTENTION + FACE_TOKENS,
    "face_tokens": FACE_TOKENS,
    "film_text": 8 * 2 * D,
    "gated_additive": 8 * D + 1,
    "late_fusion": 0,
    "plain": 0,
}


@pytest.mark.parametrize("name", sorted(registry.entries()))
def test_a_variant_adds_as_many_parameters_as_it_says(name: str) -> None:
    assert registry.added_at_b32()[name] == ADDED[name]
