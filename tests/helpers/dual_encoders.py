"""Small random dual encoders of Hugging Face, in folders as people have them: CLIP, SigLIP, X-CLIP."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import CLIPConfig, CLIPModel, PreTrainedModel, SiglipConfig, SiglipModel, XCLIPConfig, XCLIPModel

FAMILIES = ("clip", "siglip", "xclip")
SIZE = 32  # pixels
FRAMES = 4  # that the X-CLIP reads
MEAN, STD = [0.5, 0.4, 0.3], [0.5, 0.25, 0.2]
WORDS = "a an man woman dog happy sad angry green tall old number red blue walks two dogs run along beach people laugh"
PADDING = "</s>"


def make_model(family: str, folder: Path) -> Path:
    """A folder with config.json, model.safetensors, preprocessor_config.json and tokenizer.json."""
    torch.manual_seed(0)
    tokenizer = make_tokenizer(family)
    model = _model(family, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    square = {"height": SIZE, "width": SIZE}
    images = {"image_mean": MEAN, "image_std": STD, "size": square, "do_normalize": True}
    if family != "siglip":  # as OpenAI's and Microsoft's have it
        images |= {"crop_size": square, "size": {"shortest_edge": SIZE}}
    (folder / "preprocessor_config.json").write_text(json.dumps(images), encoding="utf-8")
    told = {"pad_token": PADDING, "model_max_length": 16}
    if family == "siglip":  # as Google's have it: no mask, every text filled up
        told["model_input_names"] = ["input_ids"]
    (folder / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def make_tokenizer(family: str) -> Tokenizer:
    """Words of its own; SigLIP's texts have an end alone, the others' a start, too."""
    words = dict.fromkeys(["<unk>", *WORDS.split(), *map(str, range(18)), "<s>", PADDING])
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    ends = [(word, tokenizer.token_to_id(word)) for word in ("<s>", PADDING)]
    start = "" if family == "siglip" else "<s> "
    tokenizer.post_processor = TemplateProcessing(single=f"{start}$A {PADDING}", special_tokens=ends)
    return tokenizer


def _model(family: str, tokenizer: Tokenizer) -> PreTrainedModel:
    words = tokenizer.get_vocab_size()
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**tower, "vocab_size": words, "max_position_embeddings": 16, "eos_token_id": words - 1, "bos_token_id": 0}
    vision = {**tower, "image_size": SIZE, "patch_size": 16}
    if family == "siglip":
        return SiglipModel(SiglipConfig(text_config={**text, "projection_size": 32}, vision_config=vision))
    if family == "clip":
        return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24))
    mit = {"num_frames": FRAMES, "mit_hidden_size": 24, "mit_intermediate_size": 48, "mit_num_attention_heads": 2}
    return XCLIPModel(XCLIPConfig(text_config=text, vision_config={**vision, **mit}, projection_dim=24))
