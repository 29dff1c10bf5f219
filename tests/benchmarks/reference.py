"""CLIP-ViP computed as its published code does, to measure against and to check with: the same weights, in its own way.

A layer's attention is in two parts, with bmm and softmax written out: proxies over all tokens, and each frame's patches
over copies of the proxies' keys and values that are repeated for every frame and put before the frame's own. Texts are
filled up to 50 tokens. Everything else is transformers' CLIP, as it is in the original. test_reference.py holds it to
the original's golden values. Source: Xue et al., CLIP-ViP, arXiv 2209.06430, section 3.2 and its published code.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import AttentionInterface, CLIPConfig

from bench.model.clip_vip import ClipVip, towers

TOKENS = 50  # of every text


def written_out(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax(query key') value; query is scaled already. (B, H, Q, D), (B, H, K, D) twice -> (B, H, Q, D)."""
    B, H = query.shape[:2]
    query, key, value = (part.contiguous().flatten(0, 1) for part in (query, key, value))  # (BH, …, D)
    scores = torch.bmm(query, key.transpose(1, 2))  # (BH, Q, K)
    if mask is not None:
        scores = (scores.unflatten(0, (B, H)) + mask).flatten(0, 1)
    return torch.bmm(scores.softmax(dim=-1), value).unflatten(0, (B, H))


def of_texts(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scaling: float, **rest: object
) -> tuple[Tensor, None]:
    """Over all tokens, with a mask that is added. As transformers' attention functions."""
    return written_out(query * scaling, key, value, mask).transpose(1, 2), None


def of_clips(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: None,
    scaling: float,
    layout: tuple[int, int, int],
    **rest: object,
) -> tuple[Tensor, None]:
    """In two parts. query, key, value: (B, H, M + T*L, D), layout: (M, T, L). As transformers' attention functions."""
    M, T, L = layout
    B, H, _, D = query.shape
    query = query * scaling

    def frames(x: Tensor) -> Tensor:  # -> (B*T, H, L, D)
        return x[:, :, M:].reshape(B, H, T, L, D).transpose(1, 2).flatten(0, 1)

    def with_proxies(x: Tensor) -> Tensor:  # -> (B*T, H, M + L, D)
        repeated = x[:, None, :, :M].repeat(1, T, 1, 1, 1).flatten(0, 1)
        return torch.cat([repeated, frames(x)], dim=2)

    proxies = written_out(query[:, :, :M], key, value)  # (B, H, M, D)
    patches = written_out(frames(query), with_proxies(key), with_proxies(value))  # (B*T, H, L, D)
    patches = patches.unflatten(0, (B, T)).transpose(1, 2).reshape(B, H, T * L, D)
    return torch.cat([proxies, patches], dim=2).transpose(1, 2), None


AttentionInterface.register("reference_texts", of_texts)
AttentionInterface.register("reference_clips", of_clips)


class Reference(ClipVip):
    """The two towers, computed the original's way."""

    def __init__(self, config: CLIPConfig, *, frames: int):
        super().__init__(config, frames=frames)
        text, vision = towers(config)
        text._attn_implementation = "reference_texts"
        vision._attn_implementation = "reference_clips"

    def encode_text(
        self, input_ids: Tensor, attention_mask: Tensor, fuse: Callable[[Tensor], Tensor]
    ) -> Tensor:  # (B, L), (B, L) -> (B, P)
        """Captions to features, after they were filled up with end tokens that no other token sees."""
        more = min(TOKENS, self.text_places) - input_ids.shape[1]
        ids = pad(input_ids, (0, more), value=self.vocabulary - 1)
        return super().encode_text(ids, pad(attention_mask, (0, more)), fuse)

    def run_text(self, tokens: Tensor, attention_mask: Tensor) -> Tensor:  # (B, L, D), (B, L) -> (B, L, D)
        """The text tower with its last layer norm, under a causal mask of numbers."""
        lowest, L = torch.finfo(tokens.dtype).min, tokens.shape[1]
        causal = torch.full((L, L), lowest, device=tokens.device).triu(1)
        padding = (1 - attention_mask[:, None, None, :].to(tokens.dtype)) * lowest
        mask = (causal + padding).clamp(min=lowest)  # (B, 1, L, L)
        tower = self.clipmodel.text_model
        return tower.final_layer_norm(tower.encoder(inputs_embeds=tokens, attention_mask=mask).last_hidden_state)
