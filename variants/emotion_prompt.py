"""Emotion as words."""

from bench import Variant, register


@register("emotion_prompt")
class EmotionPrompt(Variant):
    """Puts the names of a caption's emotions before it: "joy, trust: a happy man waves".

    Words alone change: the tokens (B, L, D) are plain's of a longer text. A caption without emotion stays as it is. The
    names take places from the end of captions that are too long. Adds no parameters.
    Source: prompting as for CLIP's classes, Radford et al., arXiv 2103.00020.
    """

    text_needs = ("emotions",)
    adds_at_b32 = 0

    @staticmethod
    def phrase(caption: str, emotions: tuple[str, ...]) -> str:
        return f"{', '.join(emotions)}: {caption}" if emotions else caption
