"""The `torch` backend: attention recomputed in chunks of query rows, O(N) memory forward and backward, on any device.

A chunk of rows sees all its keys at once, so its softmax is complete, and the column sums of the chunks add up. Only
each row's log-sum-exp is kept for the backward pass, which goes over the same chunks again, as flash attention does.
Chunks are worked on in place, in buffers that stay in the processor's cache.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 1 << 20  # numbers of the attention matrix that are in memory at once


def factors(tokens: int) -> int:
    """How many factors of at most 1 + K, K tokens, float32 holds the product of: (1 + 2^15)^8 and (1 + 2^31)^4."""
    return 8 if tokens <= 1 << 15 else 4


def token_scores(query, key, real, lse, *, causal, window, scale, score) -> Tensor:
    """As `reference.token_scores`, which see; lse is (B, H, N) or None."""
    return _scores(query, key, real, lse, causal, window, scale, score == "log1p")[0]


@torch.library.custom_op("ata_pooling::chunked_scores", mutates_args=())
def _scores(
    query: Tensor,
    key: Tensor,
    real: Tensor,
    lse: Tensor | None,
    causal: bool,
    window: int | None,
    scale: float,
    log: bool,
) -> tuple[Tensor, Tensor]:
    """Scores s (B, N) and the log-sum-exp (B, H, N), which is infinite in padded rows: they attend to nothing."""
    dtype = torch.promote_types(query.dtype, torch.float32)
    scores = query.new_zeros(real.shape, dtype=dtype)
    padded = ~real[:, None, :]
    sums = query.new_zeros(query.shape[:3], dtype=dtype) if lse is None else lse.to(dtype)
    sums = sums.masked_fill(padded, torch.inf)
    for chunk in _chunks(query, key, real, causal, window, scale):
        attention = chunk.logits()  # (M, R, keys)
        if lse is None:
            largest = attention.amax(dim=2, keepdim=True)
            total = attention.sub_(largest).exp_().sum(dim=2, keepdim=True)
            attention.div_(total)
            rows = sums[chunk.batch, :, chunk.rows]
            rows += (largest + total.log()).view(rows.shape)
            attention.mul_(chunk.flat(real[chunk.batch, None, chunk.rows].expand(rows.shape)))
        else:
            attention.sub_(chunk.flat(sums[chunk.batch, :, chunk.rows])).exp_()
        if log:
            per_row = chunk.per_row(attention)
            per_row.mul_(real[chunk.batch].sum(dim=1, dtype=dtype)[:, None, None]).add_(1)
            column_sums = _sum_of_logs(attention, factors(query.shape[2]))
        else:
            column_sums = attention.sum(dim=1)
        scores[chunk.batch, chunk.keys] += column_sums.view(-1, key.shape[1], column_sums.shape[1]).sum(dim=1)
    return scores, sums


@_scores.register_fake
def _(query, _key, real, *_):
    dtype = torch.promote_types(query.dtype, torch.float32)
    return query.new_empty(real.shape, dtype=dtype), query.new_empty(query.shape[:3], dtype=dtype)


@torch.library.custom_op("ata_pooling::chunked_scores_backward", mutates_args=())
def _scores_backward(
    gradient: Tensor,
    query: Tensor,
    key: Tensor,
    real: Tensor,
    sums: Tensor,
    causal: bool,
    window: int | None,
    scale: float,
    log: bool,
) -> tuple[Tensor, Tensor]:
    """Gradients of query and key from that of the scores, (B, N).

    With f' the derivative of f at A and g the gradient: dlogits = A (f' g - D), where D = sum_j A f' g of each row.
    """
    query_gradient = query.new_zeros(query.shape, dtype=sums.dtype)
    key_gradient = key.new_zeros(key.shape, dtype=sums.dtype)
    counts = real.sum(dim=1, dtype=sums.dtype)
    for chunk in _chunks(query, key, real, causal, window, scale):
        attention = chunk.logits().sub_(chunk.flat(sums[chunk.batch, :, chunk.rows])).exp_()
        product = chunk.buffers[1]
        if log:  # A f' = K A / (1 + K A) = A / (A + 1 / K)
            torch.add(chunk.per_row(attention), 1 / counts[chunk.batch, None, None], out=chunk.per_row(product))
            torch.div(attention, product, out=product)
        else:
            product.copy_(attention)
        chunk.per_row(product).mul_(gradient[chunk.batch, None, chunk.keys])
        product.addcmul_(attention, product.sum(dim=2, keepdim=True), value=-1)  # dlogits
        rows = query_gradient[chunk.batch, :, chunk.rows]
        rows += torch.bmm(product, chunk.key).mul_(scale).view(rows.shape)
        keys = key_gradient[chunk.batch, :, chunk.keys]
        keys += torch.bmm(product.transpose(1, 2), chunk.query).view(keys.shape)
    padded = ~real[:, None, :, None]
    return tuple(x.masked_fill_(padded, 0).to(query.dtype) for x in (query_gradient, key_gradient))


@_scores_backward.register_fake
def _(_gradient, query, key, *_):
    return query.new_empty(query.shape), key.new_empty(key.shape)


def _save(ctx, inputs, output) -> None:
    query, key, real, _, *ctx.settings = inputs
    ctx.save_for_backward(query, key, real, output[1])


def _backward(ctx, gradient, _):
    with torch.autocast(gradient.device.type, enabled=False):
        gradients = _scores_backward(gradient, *ctx.saved_tensors, *ctx.settings)
    return (*gradients, *[None] * (2 + len(ctx.settings)))


_scores.register_autograd(_backward, setup_context=_save)


@dataclass(frozen=True)
class _Chunk:
    """C query rows of G batch rows and all heads, flat: M = G * Hkv matrices of R = H / Hkv * C rows."""

    batch: slice
    rows: slice
    keys: slice
    query: Tensor  # (M, R, d), scaled
    key: Tensor  # (M, keys, d)
    hidden: Tensor | None  # (G, C, keys), true where a query does not see a key
    buffers: Tensor  # (2, M, R, keys), to work in

    def logits(self) -> Tensor:
        """scale q k^T (M, R, keys), in the first buffer; hidden ones are the smallest finite number."""
        logits = torch.bmm(self.query, self.key.transpose(1, 2), out=self.buffers[0])
        if self.hidden is not None:
            groups, places, keys = self.hidden.shape
            logits.view(groups, -1, places, keys).masked_fill_(self.hidden[:, None], torch.finfo(logits.dtype).min)
        return logits

    def flat(self, rows: Tensor) -> Tensor:
        """(G, H, C) -> (M, R, 1)."""
        return rows.reshape(len(self.query), -1, 1)

    def per_row(self, values: Tensor) -> Tensor:
        """(M, R, keys) -> (G, Hkv * R, keys), a view."""
        return values.view(self.batch.stop - self.batch.start, -1, values.shape[2])


def _chunks(query, key, real, causal, window, scale) -> Iterator[_Chunk]:
    batch, heads, tokens, size = query.shape
    dtype = torch.promote_types(query.dtype, torch.float32)
    padded = ~real[:, None, :, None]
    # Padding may hold anything, also NaN, which a zero weight would not silence.
    query, key = query.masked_fill(padded, 0).to(dtype), key.masked_fill(padded, 0).to(dtype)
    group = max(1, min(batch, CHUNK // (heads * tokens * tokens)))  # batch rows
    step = max(1, min(tokens, CHUNK // (group * heads * tokens)))  # query rows
    places = torch.arange(tokens, device=query.device)
    ragged = not bool(real.all())
    storage = query.new_empty(2, group * heads * step * tokens)
    for first in range(0, batch, group):
        rows_of = slice(first, min(batch, first + group))
        some = real[rows_of].any(dim=0).nonzero()  # columns that are padding in all of them cost nothing
        start, stop = (int(some[0]), int(some[-1]) + 1) if len(some) else (0, 0)
        for place in range(start, stop, step):
            rows = slice(place, min(stop, place + step))
            keys = slice(
                start if window is None else max(start, rows.start - window + 1),
                rows.stop if causal else stop if window is None else min(stop, rows.stop + window - 1),
            )
            hidden = ~real[rows_of, None, keys] if ragged else None
            if causal or window is not None:
                distance = places[rows, None] - places[None, keys]  # i - j
                far = distance < 0 if causal else torch.zeros_like(distance, dtype=torch.bool)
                far = far if window is None else far | (distance.abs() >= window)
                hidden = far[None] if hidden is None else hidden | far
            flat_query = (scale * query[rows_of, :, rows]).view(
                -1, heads // key.shape[1] * (rows.stop - rows.start), size
            )
            flat_key = key[rows_of, :, keys].reshape(len(flat_query), -1, size)
            shape = (*flat_query.shape[:2], flat_key.shape[1])
            buffers = storage[:, : math.prod(shape)].view(2, *shape)
            yield _Chunk(rows_of, rows, keys, flat_query, flat_key, hidden, buffers)


def _sum_of_logs(values: Tensor, together: int) -> Tensor:
    """Sum of the logarithms over the rows, (M, R, keys) -> (M, keys), in place.

    Up to `together` values are multiplied before one logarithm: a product costs far less than a logarithm.
    """
    rows = values.shape[1]
    while together > 1 and rows % 2 == 0:
        rows, together = rows // 2, together // 2
        values[:, :rows] *= values[:, rows : 2 * rows]
    return values[:, :rows].log_().sum(dim=1)
