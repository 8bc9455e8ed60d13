"""The shape of one last layer, and random inputs of that shape."""

from typing import NamedTuple

import torch
from torch import Tensor


class Shape(NamedTuple):
    """One last layer's sizes."""

    batch: int  # B
    heads: int  # H, of query
    key_heads: int  # Hkv, of key and value
    tokens: int  # N
    size: int  # d, of one head
    hidden: int  # D

    def __str__(self) -> str:
        return f"B={self.batch} H={self.heads} Hkv={self.key_heads} N={self.tokens} d={self.size} D={self.hidden}"


class Inputs(NamedTuple):
    """What a call takes. The first four are leaves that want gradients."""

    query: Tensor  # (B, H, N, d)
    key: Tensor  # (B, Hkv, N, d)
    value: Tensor  # (B, Hkv, N, d)
    hidden_states: Tensor  # (B, N, D)
    attention_mask: Tensor  # (B, N), bool
    lse: Tensor | None  # (B, H, N), float32: natural log-sum-exp of the scaled logits, as flash attention returns it
    pooled_gradient: Tensor  # (B, D)
    attended_gradient: Tensor  # (B, H, N, d)

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        return self[:4]


def random_inputs(shape: Shape, dtype: torch.dtype, device: str, seed: int, lse: bool = False) -> Inputs:
    """Normal numbers, no padding. With `lse`, that of flash attention, which only CUDA devices return here."""
    generator = torch.Generator(device).manual_seed(seed)

    def normal(*sizes: int) -> Tensor:
        return torch.randn(sizes, generator=generator, dtype=dtype, device=device)

    batch, heads, key_heads, tokens, size, hidden = shape
    query, key = normal(batch, heads, tokens, size), normal(batch, key_heads, tokens, size)
    value = normal(batch, key_heads, tokens, size)
    return Inputs(
        query=query.requires_grad_(),
        key=key.requires_grad_(),
        value=value.requires_grad_(),
        hidden_states=normal(batch, tokens, hidden).requires_grad_(),
        attention_mask=torch.ones(batch, tokens, dtype=torch.bool, device=device),
        lse=_flash_lse(query, key, value) if lse else None,
        pooled_gradient=normal(batch, hidden),
        attended_gradient=normal(batch, heads, tokens, size),
    )


@torch.no_grad()
def _flash_lse(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return torch.ops.aten._scaled_dot_product_flash_attention(query, key, value)[1]


def padded_inputs(dtype: torch.dtype, device: str) -> Inputs:
    """A small batch of odd length with grouped heads: a full row, one padded on the left, one on the right."""
    inputs = random_inputs(Shape(batch=3, heads=4, key_heads=2, tokens=77, size=64, hidden=48), dtype, device, seed=1)
    inputs.attention_mask[1, :30] = False
    inputs.attention_mask[2, 5:] = False
    return inputs
