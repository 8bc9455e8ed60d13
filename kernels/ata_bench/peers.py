"""What is timed: the backends of `ata_pool`, and the peers that they are held against.

Every call takes `Inputs` and returns `Outputs`, so that all are checked, timed and measured in the same way.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from ata_pooling import ata_pool
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ata_bench.shapes import Inputs


class Outputs(NamedTuple):
    """What a call makes: the pooled embeddings, the attention's output, or both."""

    pooled: Tensor | None = None  # (B, D)
    attended: Tensor | None = None  # (B, H, N, d)


Call = Callable[[Inputs], Outputs]


def reference(inputs: Inputs) -> Outputs:
    return _ata(inputs, backend="reference")


def chunked(inputs: Inputs) -> Outputs:
    return _ata(inputs, backend="torch")


def fused(inputs: Inputs) -> Outputs:
    return _ata(inputs, backend="triton")


def fused_with_lse(inputs: Inputs) -> Outputs:
    return _ata(inputs, backend="triton", lse=inputs.lse)


def _ata(inputs: Inputs, **options) -> Outputs:
    mask = inputs.attention_mask
    return Outputs(pooled=ata_pool(inputs.query, inputs.key, inputs.hidden_states, attention_mask=mask, **options))


def sdpa(inputs: Inputs) -> Outputs:
    """Flash attention of the same layer, as PyTorch brings it."""
    grouped = inputs.query.shape[1] != inputs.key.shape[1]
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        attended = F.scaled_dot_product_attention(inputs.query, inputs.key, inputs.value, enable_gqa=grouped)
    return Outputs(attended=attended)


def eager(inputs: Inputs) -> Outputs:
    """The attention matrix as transformers' eager attention makes it, and ATA's sums over it. Knows no padding."""
    return Outputs(pooled=_pool_by(_eager_matrix(inputs), inputs.hidden_states))


def eager_layer(inputs: Inputs) -> Outputs:
    """`eager`, and the attention's own output from the same matrix: what a user of `output_attentions` runs."""
    matrix = _eager_matrix(inputs)
    attended = matrix @ _repeated(inputs.value, inputs.query)
    return Outputs(pooled=_pool_by(matrix, inputs.hidden_states), attended=attended)


def _eager_matrix(inputs: Inputs) -> Tensor:
    query, scale = inputs.query, inputs.query.shape[-1] ** -0.5
    logits = query @ _repeated(inputs.key, query).transpose(-1, -2) * scale
    return logits.softmax(dim=-1, dtype=torch.float32).to(query.dtype)  # (B, H, N, N)


def _repeated(key: Tensor, query: Tensor) -> Tensor:
    return key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)


def _pool_by(matrix: Tensor, hidden_states: Tensor) -> Tensor:
    scores = torch.log1p(matrix.shape[-1] * matrix.float()).sum(dim=(1, 2))  # (B, N)
    weights = scores / scores.sum(dim=1, keepdim=True)
    return (weights[:, None, :] @ hidden_states.float())[:, 0].to(hidden_states.dtype)


def mean(inputs: Inputs) -> Outputs:
    """Mean pooling over the real tokens."""
    mask = inputs.attention_mask[:, :, None].to(inputs.hidden_states.dtype)
    return Outputs(pooled=(inputs.hidden_states * mask).sum(dim=1) / mask.sum(dim=1))


CALLS: dict[str, Call] = {
    "torch": chunked,
    "triton": fused,
    "triton+lse": fused_with_lse,
    "reference": reference,
    "eager": eager,
    "eager+output": eager_layer,
    "sdpa": sdpa,
    "mean": mean,
}
ATA = ("torch", "triton", "triton+lse", "reference", "eager", "eager+output")  # that pool as ATA does
