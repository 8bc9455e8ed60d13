"""Mean and last-token pooling. Shapes: B rows, N tokens, D hidden size."""

import torch
from torch import Tensor


def mean_pool(hidden_states: Tensor, attention_mask: Tensor) -> Tensor:
    """The mean of the real tokens' hidden states, in float32 at least: (B, N, D), (B, N) -> (B, D)."""
    mask = attention_mask.bool()[:, :, None]  # (B, N, 1)
    wide = torch.promote_types(hidden_states.dtype, torch.float32)
    return hidden_states.masked_fill(~mask, 0).sum(dim=1, dtype=wide) / mask.sum(dim=1)


def last_pool(hidden_states: Tensor, attention_mask: Tensor) -> Tensor:
    """The last real token's hidden state, wherever the padding is: (B, N, D), (B, N) -> (B, D)."""
    positions = torch.arange(attention_mask.shape[1], device=attention_mask.device)
    last = (positions * attention_mask).argmax(dim=1)  # (B,)
    return hidden_states[torch.arange(len(last), device=last.device), last]
