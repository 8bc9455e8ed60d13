"""Triton kernels of the backward pass: the attention is computed again tile by tile, first by query, then by key.

With g_j the gradient of the score of key j and f' the derivative of f at A:
    dlogit_ij = A_ij (f'_ij g_j - D_i),  D_i = sum_j A_ij f'_ij g_j,  dq_i = scale sum_j dlogit_ij k_j
D_i is known only after a pass over the row. `rows_kernel` does with one: it adds up A f' g k and A k apart, and
dq_i = scale (sum_j A f' g k - D_i sum_j A k). `keys_kernel` then has D. Five matrix products in all, as many as flash
attention's backward pass, and no atomics.
"""

import triton
import triton.language as tl

from ata_pooling.triton_forward import keys_of, load_tile, queries_of, row_bounds, seen


@triton.jit
def derivative(t_attention, count, LOG: tl.constexpr):
    """A f'(A): K A / (1 + K A) for logarithms, else A."""
    if LOG:
        t_attention = t_attention / (t_attention + 1.0 / count)
    return t_attention


@triton.jit
def rows_kernel(
    p_query,  # (B, H, N, d)
    p_key,  # (B, Hkv, N, d)
    p_real,  # (B, N)
    p_lse,  # (B, H, N), in base 2
    p_gradient,  # (B, N): g / largest of its row; zero where not pooled
    p_largest,  # (B,)
    p_delta,  # (B, H, N), written: D / largest
    p_query_gradient,  # (B, H, N, d), contiguous, written
    query_b, query_h, query_n, key_b, key_h, key_n,
    tokens, heads, group, scale,  # scale without log2(e)
    LOG: tl.constexpr, CAUSAL: tl.constexpr, WINDOW: tl.constexpr, SIZE: tl.constexpr, BLOCK_SIZE: tl.constexpr,
    BLOCK_I: tl.constexpr, BLOCK_J: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """D and the gradient of the queries."""
    i_start = tl.program_id(0) * BLOCK_I
    h, b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    p_real += b * tokens
    row = (b * heads + h) * tokens
    count, first, stop = row_bounds(p_real, tokens, 1024)
    first, stop = keys_of(i_start, first, stop, CAUSAL, WINDOW, BLOCK_I)

    v_i = i_start + tl.arange(0, BLOCK_I)
    v_real_i = tl.load(p_real + v_i, mask=v_i < tokens, other=0) != 0
    v_lse = tl.load(p_lse + row + v_i, mask=v_real_i, other=float("inf"))
    t_query = load_tile(p_query + b * query_b + h * query_h, v_i, v_real_i, query_n, SIZE, BLOCK_SIZE)
    p_key += b * key_b + h // group * key_h
    t_wanted = tl.zeros([BLOCK_I, BLOCK_SIZE], tl.float32)  # sum of A f' g k
    t_mean = tl.zeros([BLOCK_I, BLOCK_SIZE], tl.float32)  # sum of A k
    v_delta = tl.zeros([BLOCK_I], tl.float32)
    for j_start in range(first, stop, BLOCK_J):
        v_j = j_start + tl.arange(0, BLOCK_J)
        v_real_j = tl.load(p_real + v_j, mask=v_j < tokens, other=0) != 0
        v_gradient = tl.load(p_gradient + b * tokens + v_j, mask=v_real_j, other=0.0)
        t_key = load_tile(p_key, v_j, v_real_j, key_n, SIZE, BLOCK_SIZE)
        t_logit = tl.dot(t_query, tl.trans(t_key), input_precision=PRECISION) * (scale * 1.4426950408889634)
        t_logit = t_logit - v_lse[:, None] + tl.where(v_real_j, 0.0, float("-inf"))[None, :]
        if CAUSAL or WINDOW > 0:
            t_logit = tl.where(seen(v_i[:, None], v_j[None, :], CAUSAL, WINDOW), t_logit, float("-inf"))
        t_attention = tl.exp2(t_logit)
        t_product = derivative(t_attention, count, LOG) * v_gradient[None, :]
        v_delta += tl.sum(t_product, 1)
        t_wanted = tl.dot(t_product.to(t_key.dtype), t_key, t_wanted, input_precision=PRECISION)
        t_mean = tl.dot(t_attention.to(t_key.dtype), t_key, t_mean, input_precision=PRECISION)
    t_result = (t_wanted - v_delta[:, None] * t_mean) * (scale * tl.load(p_largest + b))
    tl.store(p_delta + row + v_i, v_delta, mask=v_i < tokens)
    v_d = tl.arange(0, BLOCK_SIZE)
    p_result = p_query_gradient + (row + v_i)[:, None] * SIZE + v_d[None, :]
    t_mask = (v_i < tokens)[:, None] & (v_d < SIZE)[None, :]
    tl.store(p_result, t_result.to(p_query_gradient.dtype.element_ty), mask=t_mask)


@triton.jit
def keys_kernel(
    p_query, p_key, p_real, p_lse, p_gradient, p_largest,  # as above
    p_delta,  # (B, H, N)
    p_key_gradient,  # (B, Hkv, N, d), contiguous, written
    query_b, query_h, query_n, key_b, key_h, key_n,
    tokens, heads, group, scale,
    LOG: tl.constexpr, CAUSAL: tl.constexpr, WINDOW: tl.constexpr, SIZE: tl.constexpr, BLOCK_SIZE: tl.constexpr,
    BLOCK_I: tl.constexpr, BLOCK_J: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The gradient of the keys, summed over the query heads that share one."""
    j_start = tl.program_id(0) * BLOCK_J
    h_key, b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    p_real += b * tokens
    count, first, stop = row_bounds(p_real, tokens, 1024)
    first, stop = queries_of(j_start, first, stop, CAUSAL, WINDOW, BLOCK_J)

    v_j = j_start + tl.arange(0, BLOCK_J)
    v_real_j = tl.load(p_real + v_j, mask=v_j < tokens, other=0) != 0
    v_gradient = tl.load(p_gradient + b * tokens + v_j, mask=v_real_j, other=0.0)
    t_key = load_tile(p_key + b * key_b + h_key * key_h, v_j, v_real_j, key_n, SIZE, BLOCK_SIZE)
    t_result = tl.zeros([BLOCK_J, BLOCK_SIZE], tl.float32)
    for h in range(h_key * group, (h_key + 1) * group):
        p_head = p_query + b * query_b + h * query_h
        row = (b * heads + h) * tokens
        for i_start in range(first, stop, BLOCK_I):
            v_i = i_start + tl.arange(0, BLOCK_I)
            v_real_i = tl.load(p_real + v_i, mask=v_i < tokens, other=0) != 0
            v_lse = tl.load(p_lse + row + v_i, mask=v_real_i, other=float("inf"))
            v_delta = tl.load(p_delta + row + v_i, mask=v_real_i, other=0.0)
            t_query = load_tile(p_head, v_i, v_real_i, query_n, SIZE, BLOCK_SIZE)
            t_logit = tl.dot(t_key, tl.trans(t_query), input_precision=PRECISION) * (scale * 1.4426950408889634)
            t_logit = t_logit - v_lse[None, :] + tl.where(v_real_j, 0.0, float("-inf"))[:, None]
            if CAUSAL or WINDOW > 0:
                t_logit = tl.where(seen(v_i[None, :], v_j[:, None], CAUSAL, WINDOW), t_logit, float("-inf"))
            t_attention = tl.exp2(t_logit)
            t_dlogit = derivative(t_attention, count, LOG) * v_gradient[:, None] - t_attention * v_delta[None, :]
            t_result = tl.dot(t_dlogit.to(t_query.dtype), t_query, t_result, input_precision=PRECISION)
    t_result *= scale * tl.load(p_largest + b)
    v_d = tl.arange(0, BLOCK_SIZE)
    heads_key = heads // group
    p_result = p_key_gradient + ((b * heads_key + h_key) * tokens + v_j)[:, None] * SIZE + v_d[None, :]
    t_mask = (v_j < tokens)[:, None] & (v_d < SIZE)[None, :]
    tl.store(p_result, t_result.to(p_key_gradient.dtype.element_ty), mask=t_mask)


@triton.jit
def unpool_kernel(
    p_output_gradient,  # (B, D), contiguous
    p_state,  # (B, N, D)
    p_weight,  # (B, N)
    p_pooled,  # (B, N)
    p_weight_gradient,  # (B, N), written: h_j . dout
    p_state_gradient,  # (B, N, D), contiguous, written: w_j dout
    state_b, state_n,
    tokens, hidden,
    BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Gradients of weights and hidden states for BLOCK_N tokens."""
    b = tl.program_id(1).to(tl.int64)
    v_n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    v_pooled = tl.load(p_pooled + b * tokens + v_n, mask=v_n < tokens, other=0) != 0
    v_weight = tl.load(p_weight + b * tokens + v_n, mask=v_pooled, other=0.0)
    v_sum = tl.zeros([BLOCK_N], tl.float32)
    for start in range(0, hidden, BLOCK_D):
        v_d = start + tl.arange(0, BLOCK_D)
        v_output = tl.load(p_output_gradient + b * hidden + v_d, mask=v_d < hidden, other=0.0).to(tl.float32)
        t_inside = (v_n < tokens)[:, None] & (v_d < hidden)[None, :]
        p_here = p_state + b * state_b + v_n[:, None] * state_n + v_d[None, :]
        t_state = tl.load(p_here, mask=t_inside & v_pooled[:, None], other=0.0).to(tl.float32)
        v_sum += tl.sum(t_state * v_output[None, :], 1)
        t_gradient = v_weight[:, None] * v_output[None, :]
        p_there = p_state_gradient + (b * tokens + v_n)[:, None] * hidden + v_d[None, :]
        tl.store(p_there, t_gradient.to(p_state_gradient.dtype.element_ty), mask=t_inside)
    tl.store(p_weight_gradient + b * tokens + v_n, v_sum, mask=v_n < tokens)
