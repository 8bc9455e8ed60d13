"""The definition of ATA pooling in plain PyTorch, short enough to check against the paper by eye.

Shapes: B rows, N tokens, H query heads, Hkv key heads (H a multiple of Hkv), d head size, D hidden size.
"""

from typing import Literal

import torch
from torch import Tensor

Score = Literal["log1p", "linear"]
SCORES = ("log1p", "linear")


def ata_pool(
    query: Tensor,  # (B, H, N, d)
    key: Tensor,  # (B, Hkv, N, d)
    hidden_states: Tensor,  # (B, N, D)
    *,
    attention_mask: Tensor,  # (B, N), true or 1 at real tokens
    pool_mask: Tensor | None = None,  # (B, N), true or 1 at tokens that may be pooled
    causal: bool = False,
    scale: float | None = None,
    score: Score = "log1p",
    detach: bool = False,
    return_weights: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Pool hidden states by how much all positions attend to each token in the last layer (paper, section on ATA).

    With A = softmax(scale q k^T) over a row's K real tokens and f(a) = log(1 + K a):
        s_j = sum over heads and real query positions i of f(A_ij),  w_j = s_j / sum_j' s_j',  out = sum_j w_j h_j

    Args:
        query, key: of the last layer, after position embedding. Grouped heads are allowed.
        hidden_states: the last layer's output.
        attention_mask: real tokens. A padded query row adds nothing and a padded key gets no weight.
        pool_mask: tokens that may be pooled; the others still attend and are attended to. Default: all real tokens.
        causal: whether a position attends to earlier positions and itself only.
        scale: factor on q k^T; default 1/sqrt(d).
        score: "log1p" is f above, our reading of the paper's log(K a + 1); "linear" is f(a) = a.
        detach: stop gradients at the weights, so that only `hidden_states` gets one.
        return_weights: return the weights too.

    Returns:
        The pooled embeddings (B, D) in the dtype of `hidden_states`, and with `return_weights` w (B, N) in float32.

    Raises:
        ValueError: for shapes that do not fit, an unknown score, or a row without a token to pool.
    """
    _check(query, key, hidden_states, attention_mask, pool_mask, score)
    real = attention_mask.bool()  # (B, N)
    pooled = real if pool_mask is None else real & pool_mask.bool()
    if not bool(pooled.any(dim=1).all()):
        empty = (~pooled.any(dim=1)).nonzero().flatten().tolist()
        raise ValueError(f"attention_mask and pool_mask leave no token to pool in row {empty}")

    # Padding may hold anything, also NaN, which a zero weight would not silence.
    padded = ~real[:, None, :, None]
    query, key = query.masked_fill(padded, 0), key.masked_fill(padded, 0)
    tokens = query.shape[2]
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)  # (B, H, N, d)
    logits = scale * (query.float() @ key.float().transpose(-1, -2))  # (B, H, N, N)
    visible = real[:, None, None, :]
    if causal:
        visible = visible & torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).tril()
    # The smallest finite number, not -inf: a padded query row that sees no key must not turn into NaN.
    attention = logits.masked_fill(~visible, torch.finfo(logits.dtype).min).softmax(dim=-1)
    attention = attention * (visible & real[:, None, :, None])

    if score == "log1p":
        count = real.sum(dim=1, dtype=attention.dtype)[:, None, None, None]  # K of each row
        attention = torch.log1p(count * attention)
    column_sums = attention.sum(dim=(1, 2)) * pooled  # (B, N)
    weights = column_sums / column_sums.sum(dim=1, keepdim=True)
    if detach:
        weights = weights.detach()
    hidden_states = hidden_states.masked_fill(~pooled[:, :, None], 0)
    output = torch.einsum("bn,bnd->bd", weights, hidden_states.float()).to(hidden_states.dtype)
    return (output, weights) if return_weights else output


def _check(query, key, hidden_states, attention_mask, pool_mask, score) -> None:
    if score not in SCORES:
        raise ValueError(f"score: given {score!r}; allowed: {', '.join(SCORES)}")
    if query.ndim != 4 or key.ndim != 4 or hidden_states.ndim != 3:
        raise ValueError(
            "query and key must be (B, H, N, d) and hidden_states (B, N, D); given "
            f"{tuple(query.shape)}, {tuple(key.shape)}, {tuple(hidden_states.shape)}"
        )
    batch, heads, tokens, size = query.shape
    if (key.shape[0], key.shape[2], key.shape[3]) != (batch, tokens, size) or heads % key.shape[1]:
        raise ValueError(f"key {tuple(key.shape)} does not fit query {tuple(query.shape)}")
    for name, value in {
        "hidden_states": hidden_states,
        "attention_mask": attention_mask,
        "pool_mask": pool_mask,
    }.items():
        if value is not None and tuple(value.shape[:2]) != (batch, tokens):
            raise ValueError(f"{name} {tuple(value.shape)} does not fit query {tuple(query.shape)}")
