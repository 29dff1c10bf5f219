"""Variants for tests alone: the examples of docs/variants.md, and one with tied weights."""

import re
from pathlib import Path

from bench.model import variant_registry

DOCUMENT = (Path(__file__).parents[2] / "docs" / "variants.md").read_text(encoding="utf-8")
EXAMPLES = {
    re.findall(r'@register\("(\w+)"\)', code)[0]: code
    for code in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
}
TIED = """
import torch
from torch import nn

from bench import Variant, register


@register("tied")
class Tied(Variant):
    \"\"\"Tokens meet the emotions' embeddings, which are then added; the tower's words have a second name.\"\"\"

    text_needs = ("emotions",)

    def __init__(self, backbone):
        super().__init__(backbone)
        self.emotion = nn.Embedding(8, backbone.text_width)
        self.readout = nn.Linear(backbone.text_width, 8, bias=False)
        self.readout.weight = self.emotion.weight
        self.words = backbone.clipmodel.text_model.embeddings.token_embedding
        self.register_buffer("first_word", self.words.weight.data[0])  # shares memory with a part of a parameter

    def fuse_text(self, tokens, text):  # (B, L, D) -> (B, L, D)
        likeness = torch.sigmoid(self.readout(tokens)) * text.present[:, None]  # (B, L, 8)
        return tokens + likeness @ self.emotion.weight
"""


def written(folder: Path) -> list[Path]:
    """A plugin file for each of them, but for examples that somebody has put under variants/, as the document says."""
    paths: list[Path] = []
    for name, code in {**EXAMPLES, "tied": TIED}.items():
        if name in variant_registry.entries():
            continue
        paths.append(folder / f"{name}.py")
        paths[-1].write_text(code, encoding="utf-8")
    return paths
