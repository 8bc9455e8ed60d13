"""The definition of ATA pooling in plain PyTorch, short enough to check against the paper by eye.

It holds the attention matrix (B, H, N, N) and is the oracle of every other backend.
"""

import torch
from torch import Tensor


def token_scores(
    query: Tensor,  # (B, H, N, d)
    key: Tensor,  # (B, Hkv, N, d)
    real: Tensor,  # (B, N), bool
    *,
    causal: bool,
    window: int | None,
    scale: float,
    score: str,
) -> Tensor:
    """How much the real positions attend to each token, over heads and positions: s (B, N), before the pool mask.

    In float32, or float64 for float64 inputs.
    """
    dtype = torch.promote_types(query.dtype, torch.float32)
    # Padding may hold anything, also NaN, which a zero weight would not silence.
    padded = ~real[:, None, :, None]
    query, key = query.masked_fill(padded, 0).to(dtype), key.masked_fill(padded, 0).to(dtype)
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)  # (B, H, N, d)
    logits = scale * (query @ key.transpose(-1, -2))  # (B, H, N, N)
    visible = real[:, None, None, :] & _within(query.shape[2], causal, window, query.device)
    # The smallest finite number, not -inf: a padded query row that sees no key must not turn into NaN.
    attention = logits.masked_fill(~visible, torch.finfo(dtype).min).softmax(dim=-1)
    attention = attention * (visible & real[:, None, :, None])
    if score == "log1p":
        count = real.sum(dim=1, dtype=dtype)[:, None, None, None]  # K of each row
        attention = torch.log1p(count * attention)
    return attention.sum(dim=(1, 2))


def _within(tokens: int, causal: bool, window: int | None, device: torch.device) -> Tensor:
    """Which keys j a query i may see by their places alone: (N, N)."""
    places = torch.arange(tokens, device=device)
    distance = places[:, None] - places[None, :]  # i - j
    visible = distance >= 0 if causal else torch.ones_like(distance, dtype=torch.bool)
    return visible if window is None else visible & (distance.abs() < window)
