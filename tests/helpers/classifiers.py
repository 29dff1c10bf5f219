"""Tiny text classifiers, drawn at random, as folders that transformers reads."""

from collections.abc import Sequence
from pathlib import Path

import torch

VOCABULARY = "[PAD] [UNK] [CLS] [SEP] [MASK] a sad happy angry cook man dog walks and the with two people"


def write_classifier(folder: Path, labels: Sequence[str], *, several: bool, seed: int = 0) -> Path:
    """A BERT of one layer with weights so large that its probabilities differ from text to text."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text(VOCABULARY.replace(" ", "\n"), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=16).save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(VOCABULARY.split()),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        initializer_range=1.0,
        id2label=dict(enumerate(labels)),
        label2id={label: place for place, label in enumerate(labels)},
        problem_type="multi_label_classification" if several else "single_label_classification",
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder
