"""`ata_pool`, the operator: arguments checked, a backend chosen, scores turned into weights, states pooled.

Shapes: B rows, N tokens, H query heads, Hkv key heads (H a multiple of Hkv), d head size, D hidden size.
"""

from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor

from ata_pooling import checks, chunked, reference

Score = Literal["log1p", "linear"]
Backend = Literal["reference", "torch", "triton"]


def ata_pool(
    query: Tensor,  # (B, H, N, d)
    key: Tensor,  # (B, Hkv, N, d)
    hidden_states: Tensor,  # (B, N, D)
    *,
    attention_mask: Tensor,  # (B, N), true or 1 at real tokens
    pool_mask: Tensor | None = None,  # (B, N), true or 1 at tokens that may be pooled
    causal: bool = False,
    window: int | None = None,
    scale: float | None = None,
    score: Score = "log1p",
    detach: bool = False,
    lse: Tensor | None = None,  # (B, H, N)
    backend: Backend | None = None,
    return_weights: bool = False,
    check_values: bool | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Pool hidden states by how much all positions attend to each token in the last layer (paper, section on ATA).

    With A = softmax(scale q k^T) over a row's K real tokens and f(a) = log(1 + K a):
        s_j = sum over heads and real query positions i of f(A_ij),  w_j = s_j / sum_j' s_j',  out = sum_j w_j h_j

    Differentiable in query, key and hidden_states; sums are in float32 whatever the inputs (float64 for float64). The
    same inputs give the same bits.

    Args:
        query, key: of the last layer, after position embedding. Grouped heads are allowed.
        hidden_states: the last layer's output; its dtype may differ from that of query and key.
        attention_mask: real tokens. A padded query row adds nothing and a padded key gets no weight; what padding holds
            never matters.
        pool_mask: tokens that may be pooled; the others still attend and are attended to. Default: all real tokens.
        causal: whether a position attends to earlier positions and itself only.
        window: a position attends to places fewer than this many away, itself among them (sliding window).
        scale: factor on q k^T; default 1/sqrt(d).
        score: "log1p" is f above, our reading of the paper's log(K a + 1); "linear" is f(a) = a.
        detach: stop gradients at the weights, so that only `hidden_states` gets one.
        lse: log-sum-exp of scale q k^T over the visible keys (natural logarithm, as FlashAttention returns it), where
            the attention forward has it: saves one pass. Gradients are those of the operator without it.
        backend: "reference" is the definition and holds A; "torch" goes over A in chunks, on any device; "triton" is
            fused, for GPUs (without one, in Triton's interpreter: for tests). Default: triton on CUDA where it is
            installed, torch elsewhere.
        return_weights: return the weights too.
        check_values: raise for rows without a token to pool and for non-finite numbers, which would give NaN. Default:
            on the CPU. Elsewhere a look at values would wait for the device; torch.compile would break the graph.

    Returns:
        The pooled embeddings (B, D) in the dtype of `hidden_states`, and with `return_weights` w (B, N) in float32.

    Raises:
        ValueError: for shapes, dtypes or devices that do not fit, an unknown score or backend, and (see `check_values`)
            a row without a token to pool or a non-finite number. Each names the argument and both values.
    """
    checks.check_arguments(query, key, hidden_states, attention_mask, pool_mask, lse, window, score, backend)
    real = attention_mask.bool()  # (B, N)
    pooled = real if pool_mask is None else real & pool_mask.bool()
    if check_values is None:
        check_values = query.device.type == "cpu" and not torch.compiler.is_compiling()
    if check_values:
        checks.check_values(query, key, hidden_states, real, pooled)

    shape = {"causal": causal, "window": window, "scale": query.shape[-1] ** -0.5 if scale is None else scale}
    with torch.autocast(query.device.type, enabled=False):
        if (backend or _default(query)) == "triton":
            from ata_pooling import triton_ops  # at first use: Triton is not on every platform

            scores = triton_ops.token_scores(query, key, real, pooled, lse, score=score, **shape)
            scores = scores.detach() if detach else scores
            output, weights = triton_ops.weighted_sum(scores, hidden_states, pooled)
        else:
            if backend == "reference":
                scores = reference.token_scores(query, key, real, score=score, **shape)
            else:
                scores = chunked.token_scores(query, key, real, lse, score=score, **shape)
            scores = scores.detach() if detach else scores
            output, weights = _weighted_sum(scores, hidden_states, pooled)
    return (output, weights) if return_weights else output


def _default(query: Tensor) -> Backend:
    fits = query.shape[-1] <= checks.LARGEST_HEAD and query.dtype != torch.float64
    return "triton" if query.device.type == "cuda" and fits and find_spec("triton") else "torch"


def _weighted_sum(scores: Tensor, hidden_states: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings (B, D) and weights (B, N) from scores s (B, N)."""
    scores = scores.masked_fill(~pooled, 0)
    weights = scores / scores.sum(dim=1, keepdim=True)
    dtype = torch.promote_types(hidden_states.dtype, weights.dtype)
    states = hidden_states.masked_fill(~pooled[:, :, None], 0).to(dtype)
    return (weights[:, None, :].to(dtype) @ states)[:, 0].to(hidden_states.dtype), weights
