"""What `--model` can name, without torch: the sizes of CLIP-ViP, and `hf:` before a model of Hugging Face."""

from pathlib import Path

HF = "hf:"
OWN = "hf"  # as --init: the weights of the model that --model names

MODELS = {
    "tiny": "CLIP-ViP, small: trains in minutes on a CPU. Its weights come with this package (--init tiny).",
    "b32, b16": "CLIP-ViP B/32 or B/16. Needs CLIP's tokenizer (--model.tokenizer) and a start: --init random; "
    "clip:DIR_OR_NAME, a CLIP of Hugging Face; or clip-vip:FILE, a checkpoint of CLIP-ViP's authors, whose links stand "
    "at github.com/microsoft/XPretrain in CLIP-ViP/README.md.",
    "FILE.json": "CLIP-ViP of any other size, as a CLIPConfig of Hugging Face says. Needs what b32 needs.",
    "hf:DIR_OR_NAME": "A dual encoder of Hugging Face (CLIP, SigLIP, SigLIP 2 of fixed resolution, X-CLIP, …), from a "
    "folder or by its name at huggingface.co. Needs config.json, model.safetensors, preprocessor_config.json and "
    "tokenizer.json, and nothing else: weights, tokenizer, image size, mean and standard deviation are its own. The "
    "frames of a clip are averaged where it has no video tower. Variants that change tokens do not fit. See "
    "docs/models.md.",
}


def hf_source(size: str) -> str | None:
    """The folder or the name behind `hf:`; None where a size is none of Hugging Face's models."""
    return size.removeprefix(HF) if size.startswith(HF) else None


def hf_label(source: str) -> str:
    """A model as the protocol signature has it: hf: and the last part of its folder or name. Weights have a digest."""
    return HF + Path(source).expanduser().absolute().name
