"""CLIP-ViP on transformers' CLIP: both towers, the proxies, the temporal embedding; no copy of CLIP.

The vision tower sees all frames of a clip in one sequence: M proxy tokens (CLIP's class token and three added ones),
then T frames of L patches. The text tower is CLIP's. Parameter names are those of the published checkpoints,
`clipmodel.…`. How weights get in is in `bench/model/checkpoints.py`.

Source: Xue et al., CLIP-ViP, arXiv 2209.06430.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize, pad, scaled_dot_product_attention
from transformers import AttentionInterface, CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

from bench.errors import UsageError, first_line
from bench.model.backbone import Backbone
from bench.model.model_names import hf_label, hf_source
from bench.utils.files import read_text, sha256

ADDED_PROXIES = 3
_MOST = {  # of a tower that is read from a file; the largest CLIP has 1664 numbers in 48 layers
    "hidden_size": 16384,
    "intermediate_size": 65536,
    "projection_dim": 16384,
    "num_attention_heads": 1024,
    "num_hidden_layers": 200,
    "vocab_size": 1_000_000,
    "max_position_embeddings": 65536,
    "image_size": 4096,
    "patch_size": 4096,
    "num_channels": 4,
}


def sdpa(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """torch's attention. On a CPU in bf16 it is written out, with the softmax in fp32: over so few keys torch's takes
    twice as long there, and five times as long with its backward pass (docs/performance.md).

    query: (…, Q, D), key, value: (…, K, D), mask: bool, False where a key is not seen; every query sees one.
    """
    if query.device.type != "cpu" or query.dtype != torch.bfloat16:
        return scaled_dot_product_attention(query, key, value, mask, scale=scale)
    scores = (query * scale) @ key.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=-1, dtype=torch.float32).to(query.dtype) @ value


def full_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, **rest: object
) -> tuple[Tensor, None]:
    """CLIP's attention, as transformers' attention functions. query, key, value: (B, H, L, D), mask: (B, 1, L, L)."""
    return sdpa(query, key, value, mask, scaling).transpose(1, 2), None


def proxy_guided_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scaling: float,
    layout: tuple[int, int, int],
    keep: Tensor | None = None,
    **rest: object,
) -> tuple[Tensor, None]:
    """CLIP-ViP's attention: proxies see everything, a frame's patches see the proxies and their own frame.

    query, key, value: (B, H, M + T*L, D), M proxies first, then T frames of L patches.
    layout: (M, T, L).  keep: (B, T, L) bool, False for tokens that none may see; None: all are there.
    mask, rest: unused.
    Returns (B, M + T*L, H, D) and None, as transformers' attention functions do.
    Source: Xue et al., CLIP-ViP, arXiv 2209.06430, section 3.2.
    """
    M, T, L = layout
    B, H, _, D = query.shape

    def frames(x: Tensor) -> Tensor:  # (B, H, M+TL, D) -> (B, T, H, L, D)
        return x[:, :, M:].reshape(B, H, T, L, D).transpose(1, 2)

    def with_proxies(x: Tensor) -> Tensor:  # -> (B*T, H, M+L, D)
        proxies = x[:, None, :, :M].expand(B, T, H, M, D)
        return torch.cat([proxies, frames(x)], dim=3).flatten(0, 1)

    everywhere = in_frame = None
    if keep is not None:
        everywhere = pad(keep.flatten(1), (M, 0), value=True)[:, None, None]  # (B, 1, 1, M+TL)
        in_frame = pad(keep.flatten(0, 1), (M, 0), value=True)[:, None, None]  # (B*T, 1, 1, M+L)
    proxies = sdpa(query[:, :, :M], key, value, everywhere, scaling)  # (B, H, M, D)
    patches = sdpa(frames(query).flatten(0, 1), with_proxies(key), with_proxies(value), in_frame, scaling)
    patches = patches.view(B, T, H, L, D).transpose(1, 2).reshape(B, H, T * L, D)
    return torch.cat([proxies, patches], dim=2).transpose(1, 2), None


AttentionInterface.register("full", full_attention)
AttentionInterface.register("proxy_guided", proxy_guided_attention)


@dataclass(frozen=True)
class VideoTokens:
    """A clip before the vision tower: what `Variant.fuse_video` may change or append to."""

    proxies: Tensor  # (B, M, D)
    patches: Tensor  # (B, T, L, D)
    keep: Tensor | None = None  # (B, T, L) bool, False for patches that are not there; None: all are

    def with_patch(self, patch: Tensor, there: Tensor) -> "VideoTokens":  # (B, T, D), (B, T) bool
        """One more patch for every frame; no token sees it where it is not `there`."""
        keep = self.keep if self.keep is not None else torch.ones_like(self.patches[..., 0], dtype=torch.bool)
        return VideoTokens(
            self.proxies,
            torch.cat([self.patches, patch[:, :, None].to(self.patches.dtype)], dim=2),
            torch.cat([keep, there[:, :, None]], dim=2),
        )


def clip_config(size: str, *, vocabulary: int | None = None) -> CLIPConfig:
    """The shape of both towers: `tiny`, `b32`, `b16`, or the path of a CLIPConfig in JSON, as Hugging Face writes it.

    tiny: text 3 layers, vision 4 layers, width 128, 64 px, patch 16, 32 text tokens; its vocabulary is the tokenizer's.
    b32, b16: CLIP ViT-B/32 and ViT-B/16 at 224 px.
    """
    if size == "tiny":
        words = vocabulary or 1000
        ends = {"bos_token_id": words - 2, "eos_token_id": words - 1, "pad_token_id": words - 1}
        tower: dict[str, object] = {"hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 4}
        text = {"num_hidden_layers": 3, "max_position_embeddings": 32, "vocab_size": words}
        vision = {"num_hidden_layers": 4, "image_size": 64, "patch_size": 16}
        return CLIPConfig(text_config={**tower, **text, **ends}, vision_config={**tower, **vision}, projection_dim=128)
    if size in ("b32", "b16"):
        return CLIPConfig(vision_config={"patch_size": int(size[1:])}, logit_scale_init_value=4.6)
    path = Path(size)
    if path.suffix != ".json":
        raise UsageError(
            f"'{size}' is no model. There are tiny, b32, b16, the path of a CLIPConfig .json file, and hf:DIR_OR_NAME: "
            "see `bench list models`."
        )
    try:
        config = CLIPConfig.from_dict(json.loads(read_text(path)))
        for part in towers(config):
            check_numbers(vars(part))
        with torch.device("meta"):  # without storage; what does not fit together shows here
            ClipVip(config, frames=1)
    except Exception as error:  # odd values end anywhere in transformers
        what = f"{type(error).__name__} {first_line(error)}" if isinstance(error, KeyError) else first_line(error)
        raise UsageError(f"{path} is no CLIPConfig: {what}. It takes the JSON that Hugging Face's CLIP has.") from None
    return config


def check_numbers(tower: Mapping[str, object]) -> None:
    """ValueError for numbers that no tower has: building one with them would never end."""
    for name in _MOST:
        size = tower.get(name, 1)
        if type(size) is not int or not 1 <= size <= _MOST[name]:
            raise ValueError(f"{name} is {size!r}, not a number from 1 to {_MOST[name]}")


def model_name(size: str) -> str:
    """A size as the protocol signature has it: a file goes by its content, a folder by its name."""
    if (source := hf_source(size)) is not None:
        return hf_label(source)
    return f"config-{sha256(Path(size))[:8]}" if size.endswith(".json") else size


def towers(config: CLIPConfig) -> tuple[CLIPTextConfig, CLIPVisionConfig]:
    """The shapes of both towers."""
    assert isinstance(config.text_config, CLIPTextConfig) and isinstance(config.vision_config, CLIPVisionConfig)
    return config.text_config, config.vision_config


class ClipVip(Backbone):
    """The two towers. Features are (B, P), unit norm, P the projection's width.

    frames: the length of the learned temporal embedding, not of the clips: other lengths are interpolated.
    """

    def __init__(self, config: CLIPConfig, *, frames: int):
        super().__init__()
        text, vision = towers(config)
        text._attn_implementation = "full"
        vision._attn_implementation = "proxy_guided"
        self.clipmodel = CLIPModel(config)
        width = vision.hidden_size
        embeddings = self.clipmodel.vision_model.embeddings
        embeddings.added_cls = nn.Parameter(torch.randn(ADDED_PROXIES, width) * width**-0.5)
        embeddings.temporal_embedding = nn.Parameter(torch.zeros(1, frames, width))

    @property
    def config(self) -> CLIPConfig:
        """Both towers' shapes."""
        return self.clipmodel.config

    @property
    def text_width(self) -> int:
        """D of the text tower's tokens."""
        return towers(self.config)[0].hidden_size

    @property
    def text_places(self) -> int:
        """The longest caption, in tokens, that the text tower has position embeddings for."""
        return towers(self.config)[0].max_position_embeddings

    @property
    def text_heads(self) -> int:
        """How many attention heads a layer of the text tower has."""
        return towers(self.config)[0].num_attention_heads

    @property
    def video_width(self) -> int:
        """D of the vision tower's tokens."""
        return towers(self.config)[1].hidden_size

    @property
    def vocabulary(self) -> int:
        """How many tokens the text tower has an embedding for."""
        return towers(self.config)[0].vocab_size

    @property
    def image_size(self) -> int:
        """The pixels of a frame's side that the vision tower takes."""
        size = towers(self.config)[1].image_size
        assert isinstance(size, int)
        return size

    def metadata(self) -> dict[str, str]:
        """Both towers' shapes, as JSON."""
        return {"clip_config": json.dumps(self.config.to_dict(), default=str)}

    @property
    def logit_scale(self) -> Tensor:
        """The learned temperature, before exp; a scalar."""
        return self.clipmodel.logit_scale

    def encode_text(
        self, input_ids: Tensor, attention_mask: Tensor, fuse: Callable[[Tensor], Tensor]
    ) -> Tensor:  # (B, L), (B, L) -> (B, P)
        """Captions to features; `fuse` changes their tokens before the text tower."""
        return self.project_text(self.run_text(fuse(self.embed_text(input_ids)), attention_mask), input_ids)

    def encode_video(
        self, pixels: Tensor, fuse: Callable[[VideoTokens], VideoTokens]
    ) -> Tensor:  # (B, T, 3, H, W) -> (B, P)
        """Clips to features; `fuse` changes their tokens before the vision tower."""
        return self.project_video(self.run_video(fuse(self.embed_video(pixels))))

    def embed_text(self, input_ids: Tensor) -> Tensor:  # (B, L) -> (B, L, D)
        """Token and position embeddings."""
        return self.clipmodel.text_model.embeddings(input_ids)

    def run_text(self, tokens: Tensor, attention_mask: Tensor) -> Tensor:  # (B, L, D), (B, L) -> (B, L, D)
        """The text tower with its last layer norm: causal, blind to padding."""
        L = tokens.shape[1]
        causal = torch.ones(L, L, dtype=torch.bool, device=tokens.device).tril()
        mask = causal & attention_mask.bool()[:, None, None, :]  # (B, 1, L, L)
        tower = self.clipmodel.text_model
        return tower.final_layer_norm(tower.encoder(inputs_embeds=tokens, attention_mask=mask).last_hidden_state)

    def project_text(self, hidden: Tensor, input_ids: Tensor) -> Tensor:  # (B, L, D), (B, L) -> (B, P)
        """The end token's state as the text's feature. The end token has the highest id, as in CLIP's vocabulary."""
        end = input_ids.argmax(dim=-1)  # the first one: CLIP pads with its end token
        pooled = hidden[torch.arange(len(hidden), device=hidden.device), end]
        return normalize(self.clipmodel.text_projection(pooled).float(), dim=-1)

    def embed_video(self, pixels: Tensor) -> VideoTokens:
        """Patch, position and temporal embeddings, layer-normed. pixels: (B, T, 3, H, W), CLIP-normalized."""
        B, T = pixels.shape[:2]
        tower = self.clipmodel.vision_model
        embeddings = tower.embeddings
        patches = embeddings.patch_embedding(pixels.flatten(0, 1).to(embeddings.patch_embedding.weight.dtype))
        patches = patches.flatten(2).transpose(1, 2).unflatten(0, (B, T))  # (B, T, L, D)
        position = embeddings.position_embedding.weight  # (1 + L, D)
        temporal = interpolate(embeddings.temporal_embedding.transpose(1, 2), size=T, mode="linear").transpose(1, 2)
        patches = patches + position[1:] + temporal[:, :, None]
        proxies = torch.cat([embeddings.class_embedding[None], embeddings.added_cls]) + position[0]  # (M, D)
        return VideoTokens(tower.pre_layrnorm(proxies.expand(B, -1, -1)), tower.pre_layrnorm(patches))

    def run_video(self, tokens: VideoTokens) -> Tensor:  # -> (B, M + T*L, D)
        """The vision tower under the proxy-guided attention, without its last layer norm."""
        T, L = tokens.patches.shape[1:3]
        sequence = torch.cat([tokens.proxies, tokens.patches.flatten(1, 2)], dim=1)
        layout = (tokens.proxies.shape[1], T, L)
        encoder = self.clipmodel.vision_model.encoder
        return encoder(inputs_embeds=sequence, layout=layout, keep=tokens.keep).last_hidden_state

    def project_video(self, hidden: Tensor) -> Tensor:  # (B, M + T*L, D) -> (B, P)
        """The class token's state as the clip's feature."""
        pooled = self.clipmodel.vision_model.post_layernorm(hidden[:, 0])
        return normalize(self.clipmodel.visual_projection(pooled).float(), dim=-1)
