"""The `triton` backend: the kernels as operators that autograd and `torch.compile` know.

Without a GPU the kernels run in Triton's interpreter, the same source, thousands of times slower: enough to test them.
"""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps

import torch
from torch import Tensor

if not torch.cuda.is_available() and "triton" not in sys.modules:
    os.environ.setdefault("TRITON_INTERPRET", "1")  # read when Triton is imported

import triton

from ata_pooling import triton_backward as backward
from ata_pooling import triton_forward as forward
from ata_pooling.chunked import factors

LOG2E = 1.4426950408889634
INTERPRETED = not isinstance(forward.lse_kernel, triton.JITFunction)


def token_scores(query, key, real, pooled, lse, *, causal, window, scale, score) -> Tensor:
    """As `reference.token_scores`, which see, but zero outside `pooled`; lse is (B, H, N) or None."""
    if query.device.type != "cuda" and not INTERPRETED:
        raise ValueError(
            f"backend 'triton' is compiled for CUDA and query is on {query.device}: use backend='torch', or set "
            "TRITON_INTERPRET=1 before Python starts to interpret the kernels"
        )
    return _scores(query, key, real, pooled, lse, causal, window or 0, scale, score == "log1p")[0]


def weighted_sum(scores: Tensor, hidden_states: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings (B, D) and weights (B, N) from scores s (B, N), which are zero outside `pooled`."""
    return _pool(scores, hidden_states, pooled)


def _on_their_device(op: Callable) -> Callable:
    """Triton launches on the current device, which need not be that of the tensors."""

    @wraps(op)
    def launch(first: Tensor, *others):
        with torch.cuda.device_of(first) if first.is_cuda else nullcontext():
            return op(first, *others)

    return launch


@torch.library.custom_op("ata_pooling::triton_scores", mutates_args=())
@_on_their_device
def _scores(
    query: Tensor,
    key: Tensor,
    real: Tensor,
    pooled: Tensor,
    lse: Tensor | None,
    causal: bool,
    window: int,
    scale: float,
    log: bool,
) -> tuple[Tensor, Tensor]:
    """Scores (B, N) and log-sum-exp in base 2 (B, H, N)."""
    query, key = _rows(query), _rows(key)
    batch, heads, tokens, _ = query.shape
    shared = (*_strides(query), *_strides(key), tokens, heads, heads // key.shape[1], scale * LOG2E)
    settings = {"CAUSAL": causal, "WINDOW": window, **_sizes(query)}
    blocks = _blocks(query, "lse")
    if lse is None:
        lse = query.new_empty(batch, heads, tokens, dtype=torch.float32)
        grid = (triton.cdiv(tokens, blocks["BLOCK_I"]), heads, batch)
        forward.lse_kernel[grid](query, key, _bytes(real), lse, *shared, **settings, **blocks)
    else:
        lse = (lse.float() * LOG2E).contiguous()
    blocks = _blocks(query, "columns")
    parts = query.new_empty(batch, heads, tokens, dtype=torch.float32)
    grid = (triton.cdiv(tokens, blocks["BLOCK_J"]), heads, batch)
    forward.columns_kernel[grid](
        query,
        key,
        _bytes(real),
        _bytes(pooled),
        lse,
        parts,
        *shared,
        LOG=log,
        FACTORS=factors(tokens),
        **settings,
        **blocks,
    )
    return parts.sum(dim=1), lse


@_scores.register_fake
def _(query, _key, real, *_):
    return query.new_empty(real.shape, dtype=torch.float32), query.new_empty(query.shape[:3], dtype=torch.float32)


@torch.library.custom_op("ata_pooling::triton_scores_backward", mutates_args=())
@_on_their_device
def _scores_backward(
    gradient: Tensor,
    query: Tensor,
    key: Tensor,
    real: Tensor,
    pooled: Tensor,
    lse: Tensor,
    causal: bool,
    window: int,
    scale: float,
    log: bool,
) -> tuple[Tensor, Tensor]:
    """Gradients of query and key from that of the scores, (B, N)."""
    query_gradient = torch.empty_like(query, memory_format=torch.contiguous_format)
    key_gradient = torch.empty_like(key, memory_format=torch.contiguous_format)
    query, key = _rows(query), _rows(key)
    batch, heads, tokens, _ = query.shape
    # Near one, so that 16-bit tiles of the products neither vanish nor overflow; the kernels multiply it back.
    gradient = gradient.masked_fill(~pooled, 0)
    largest = gradient.abs().amax(dim=1)
    largest = torch.where(largest > 0, largest, 1)
    gradient = gradient / largest[:, None]
    delta = torch.empty_like(lse)
    inputs = (query, key, _bytes(real), lse, gradient, largest, delta)
    shared = (*_strides(query), *_strides(key), tokens, heads, heads // key.shape[1], scale)
    settings = {"LOG": log, "CAUSAL": causal, "WINDOW": window, **_sizes(query)}
    blocks = _blocks(query, "rows")
    grid = (triton.cdiv(tokens, blocks["BLOCK_I"]), heads, batch)
    backward.rows_kernel[grid](*inputs, query_gradient, *shared, **settings, **blocks)
    blocks = _blocks(query, "keys")
    grid = (triton.cdiv(tokens, blocks["BLOCK_J"]), key.shape[1], batch)
    backward.keys_kernel[grid](*inputs, key_gradient, *shared, **settings, **blocks)
    return query_gradient, key_gradient


@_scores_backward.register_fake
def _(_gradient, query, key, *_):
    return query.new_empty(query.shape), key.new_empty(key.shape)


@torch.library.custom_op("ata_pooling::triton_pool", mutates_args=())
@_on_their_device
def _pool(scores: Tensor, hidden_states: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
    states = _rows(hidden_states)
    batch, tokens, hidden = states.shape
    output, weights = hidden_states.new_empty(batch, hidden), torch.empty_like(scores)
    grid = (triton.cdiv(hidden, 128), batch)
    forward.pool_kernel[grid](
        scores, states, _bytes(pooled), output, weights, *states.stride()[:2], tokens, hidden, BLOCK_N=32, BLOCK_D=128
    )
    return output, weights


@_pool.register_fake
def _(scores, hidden_states, _pooled):
    return hidden_states.new_empty(hidden_states.shape[0], hidden_states.shape[2]), torch.empty_like(scores)


@torch.library.custom_op("ata_pooling::triton_pool_backward", mutates_args=())
@_on_their_device
def _pool_backward(gradient: Tensor, hidden_states: Tensor, weights: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of weights (B, N) and hidden states (B, N, D)."""
    states = _rows(hidden_states)
    batch, tokens, hidden = states.shape
    weight_gradient = torch.empty_like(weights)
    state_gradient = torch.empty_like(hidden_states, memory_format=torch.contiguous_format)
    backward.unpool_kernel[(triton.cdiv(tokens, 32), batch)](
        gradient.contiguous(), states, weights, _bytes(pooled), weight_gradient, state_gradient,
        *states.stride()[:2], tokens, hidden, BLOCK_N=32, BLOCK_D=128,
    )  # fmt: skip
    return weight_gradient, state_gradient


@_pool_backward.register_fake
def _(_gradient, hidden_states, weights, _pooled):
    return torch.empty_like(weights), hidden_states.new_empty(hidden_states.shape)


def _save_scores(ctx, inputs, output) -> None:
    query, key, real, pooled, _, *ctx.settings = inputs
    ctx.save_for_backward(query, key, real, pooled, output[1])


def _scores_gradients(ctx, gradient, _):
    return (*_scores_backward(gradient, *ctx.saved_tensors, *ctx.settings), *[None] * (3 + len(ctx.settings)))


def _save_pool(ctx, inputs, output) -> None:
    scores, hidden_states, pooled = inputs
    ctx.save_for_backward(scores, hidden_states, output[1], pooled)


def _pool_gradients(ctx, gradient, weight_gradient):
    scores, hidden_states, weights, pooled = ctx.saved_tensors
    of_weights, of_states = _pool_backward(gradient, hidden_states, weights, pooled)
    of_weights = of_weights + weight_gradient
    centred = of_weights - (weights * of_weights).sum(dim=1, keepdim=True)
    return centred / scores.sum(dim=1, keepdim=True), of_states, None


_scores.register_autograd(_scores_gradients, setup_context=_save_scores)
_pool.register_autograd(_pool_gradients, setup_context=_save_pool)


def _rows(tensor: Tensor) -> Tensor:
    """`tensor` with its last dimension contiguous, which is all that the kernels need."""
    if INTERPRETED and tensor.dtype == torch.bfloat16:
        tensor = tensor.float()  # the interpreter multiplies the bits of bfloat16 as integers
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _bytes(mask: Tensor) -> Tensor:
    return mask.contiguous().view(torch.uint8)


def _strides(tensor: Tensor) -> tuple[int, int, int]:
    return tensor.stride()[:3]


def _sizes(query: Tensor) -> dict:
    size = query.shape[-1]
    # fp32 in full: the tensor cores' shorter float32 would miss the accuracy that callers of fp32 expect.
    precision = "ieee" if query.dtype == torch.float32 else "tf32"
    return {"SIZE": size, "BLOCK_SIZE": max(16, triton.next_power_of_2(size)), "PRECISION": precision}


def _blocks(query: Tensor, kernel: str) -> dict:
    """Tile sizes of a kernel, and how many warps and stages of loads it runs with."""
    size = query.shape[-1]
    if query.dtype == torch.float32:
        return {"BLOCK_I": 32, "BLOCK_J": 32, "num_warps": 4, "num_stages": 2}
    if size > 128:
        return {"BLOCK_I": 64, "BLOCK_J": 64, "num_warps": 8, "num_stages": 2}
    i, j, stages = {"lse": (128, 128, 3), "columns": (64, 128, 3), "rows": (128, 64, 2), "keys": (64, 128, 2)}[kernel]
    return {"BLOCK_I": i, "BLOCK_J": j, "num_warps": 8, "num_stages": stages}
