"""Triton kernels of the forward pass: log-sum-exp of the rows, sums of the columns, tile by tile, then the pooling.

The attention matrix exists only as tiles in registers. Logarithms and exponentials are in base 2, which is what the
hardware computes. Every output number is written by one program that adds in a fixed order: no atomics.

Names: b row of the batch, h head, i query position, j key position; `t_` a tile (2d), `v_` a vector.
"""

import triton
import triton.language as tl


@triton.jit
def row_bounds(p_real, tokens, BLOCK: tl.constexpr):
    """Number of real tokens of a row, the place of the first, and the place after the last."""
    count, first, stop = 0, tokens, 0
    for start in range(0, tokens, BLOCK):
        v_place = start + tl.arange(0, BLOCK)
        v_real = tl.load(p_real + v_place, mask=v_place < tokens, other=0) != 0
        count += tl.sum(v_real.to(tl.int32), 0)
        first = tl.minimum(first, tl.min(tl.where(v_real, v_place, tokens), 0))
        stop = tl.maximum(stop, tl.max(tl.where(v_real, v_place + 1, 0), 0))
    return count, first, stop


@triton.jit
def keys_of(i_start, first, stop, CAUSAL: tl.constexpr, WINDOW: tl.constexpr, BLOCK: tl.constexpr):
    """Range of keys that the BLOCK queries from i_start see some of."""
    if CAUSAL:
        stop = tl.minimum(stop, i_start + BLOCK)
    elif WINDOW > 0:
        stop = tl.minimum(stop, i_start + BLOCK - 1 + WINDOW)
    if WINDOW > 0:
        first = tl.maximum(first, i_start - WINDOW + 1)
    return first, stop


@triton.jit
def queries_of(j_start, first, stop, CAUSAL: tl.constexpr, WINDOW: tl.constexpr, BLOCK: tl.constexpr):
    """Range of queries that see some of the BLOCK keys from j_start."""
    if CAUSAL:
        first = tl.maximum(first, j_start)
    elif WINDOW > 0:
        first = tl.maximum(first, j_start - WINDOW + 1)
    if WINDOW > 0:
        stop = tl.minimum(stop, j_start + BLOCK - 1 + WINDOW)
    return first, stop


@triton.jit
def seen(v_i, v_j, CAUSAL: tl.constexpr, WINDOW: tl.constexpr):
    """Which queries see which keys by their places; broadcasts v_i against v_j."""
    t_distance = v_i - v_j
    t_seen = t_distance >= 0 if CAUSAL else t_distance == t_distance
    if WINDOW > 0:
        t_seen = t_seen & (t_distance < WINDOW) & (t_distance > -WINDOW)
    return t_seen


@triton.jit
def load_tile(p_head, v_place, v_real, stride, SIZE: tl.constexpr, BLOCK_SIZE: tl.constexpr):
    """Tokens' vectors (BLOCK, BLOCK_SIZE); zero at padding, whatever that holds, and beyond SIZE."""
    v_d = tl.arange(0, BLOCK_SIZE)
    t_mask = v_real[:, None] & (v_d < SIZE)[None, :]
    return tl.load(p_head + v_place[:, None] * stride + v_d[None, :], mask=t_mask, other=0.0)


@triton.jit
def lse_kernel(
    p_query,  # (B, H, N, d)
    p_key,  # (B, Hkv, N, d)
    p_real,  # (B, N)
    p_lse,  # (B, H, N), written, in base 2
    query_b, query_h, query_n, key_b, key_h, key_n,  # strides
    tokens, heads, group,  # group = H / Hkv
    scale,  # times log2(e)
    CAUSAL: tl.constexpr, WINDOW: tl.constexpr, SIZE: tl.constexpr, BLOCK_SIZE: tl.constexpr,
    BLOCK_I: tl.constexpr, BLOCK_J: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """log2 of the sum over visible keys of 2^logit; +inf at padded queries, so that they attend to nothing."""
    i_start = tl.program_id(0) * BLOCK_I
    h, b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    p_real += b * tokens
    _, first, stop = row_bounds(p_real, tokens, 1024)
    first, stop = keys_of(i_start, first, stop, CAUSAL, WINDOW, BLOCK_I)

    v_i = i_start + tl.arange(0, BLOCK_I)
    v_real_i = tl.load(p_real + v_i, mask=v_i < tokens, other=0) != 0
    t_query = load_tile(p_query + b * query_b + h * query_h, v_i, v_real_i, query_n, SIZE, BLOCK_SIZE)
    p_key += b * key_b + h // group * key_h
    v_max = tl.full([BLOCK_I], float("-inf"), tl.float32)
    v_sum = tl.zeros([BLOCK_I], tl.float32)
    for j_start in range(first, stop, BLOCK_J):
        v_j = j_start + tl.arange(0, BLOCK_J)
        v_real_j = tl.load(p_real + v_j, mask=v_j < tokens, other=0) != 0
        t_key = load_tile(p_key, v_j, v_real_j, key_n, SIZE, BLOCK_SIZE)
        t_logit = tl.dot(t_query, tl.trans(t_key), input_precision=PRECISION) * scale
        t_logit = t_logit + tl.where(v_real_j, 0.0, float("-inf"))[None, :]
        if CAUSAL or WINDOW > 0:
            t_logit = tl.where(seen(v_i[:, None], v_j[None, :], CAUSAL, WINDOW), t_logit, float("-inf"))
        v_new = tl.maximum(v_max, tl.max(t_logit, 1))
        v_base = tl.where(v_new == float("-inf"), 0.0, v_new)  # no key seen yet
        v_sum = v_sum * tl.exp2(v_max - v_base) + tl.sum(tl.exp2(t_logit - v_base[:, None]), 1)
        v_max = v_new
    v_lse = tl.where(v_real_i, v_max + tl.log2(v_sum), float("inf"))
    tl.store(p_lse + (b * heads + h) * tokens + v_i, v_lse, mask=v_i < tokens)


@triton.jit
def halved(t_value, LOG: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """The right half of the columns folded onto the left: by product for logarithms, else by sum."""
    t_pairs = tl.permute(tl.reshape(t_value, (ROWS, 2, COLUMNS // 2)), (0, 2, 1))
    t_left, t_right = tl.split(t_pairs)
    return t_left * t_right if LOG else t_left + t_right


@triton.jit
def columns_kernel(
    p_query, p_key, p_real,  # as above
    p_pooled,  # (B, N)
    p_lse,  # (B, H, N), in base 2
    p_part,  # (B, H, N), written: sum over queries of f(A)
    query_b, query_h, query_n, key_b, key_h, key_n,
    tokens, heads, group, scale,
    LOG: tl.constexpr, CAUSAL: tl.constexpr, WINDOW: tl.constexpr, SIZE: tl.constexpr, BLOCK_SIZE: tl.constexpr,
    BLOCK_I: tl.constexpr, BLOCK_J: tl.constexpr, FACTORS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Scores of each head. Keys are the rows of a tile, so that a thread holds several queries of one key: FACTORS of
    them are multiplied in registers before one logarithm."""
    j_start = tl.program_id(0) * BLOCK_J
    h, b = tl.program_id(1), tl.program_id(2).to(tl.int64)
    p_real += b * tokens
    p_lse += (b * heads + h) * tokens
    count, first, stop = row_bounds(p_real, tokens, 1024)
    first, stop = queries_of(j_start, first, stop, CAUSAL, WINDOW, BLOCK_J)

    v_j = j_start + tl.arange(0, BLOCK_J)
    v_pooled = tl.load(p_pooled + b * tokens + v_j, mask=v_j < tokens, other=0) != 0
    stop = tl.where(tl.max(v_pooled.to(tl.int32), 0) > 0, stop, first)  # nothing to pool here: no work
    t_key = load_tile(p_key + b * key_b + h // group * key_h, v_j, v_pooled, key_n, SIZE, BLOCK_SIZE)
    p_query += b * query_b + h * query_h
    log_count = tl.log2(count.to(tl.float32)) if LOG else 0.0  # K enters through the exponent
    t_sum = tl.zeros([BLOCK_J, BLOCK_I // FACTORS], tl.float32)
    for i_start in range(first, stop, BLOCK_I):
        v_i = i_start + tl.arange(0, BLOCK_I)
        v_real_i = tl.load(p_real + v_i, mask=v_i < tokens, other=0) != 0
        v_lse = tl.load(p_lse + v_i, mask=v_real_i, other=float("inf"))
        t_query = load_tile(p_query, v_i, v_real_i, query_n, SIZE, BLOCK_SIZE)
        t_logit = tl.dot(t_key, tl.trans(t_query), input_precision=PRECISION) * scale - (v_lse - log_count)[None, :]
        if CAUSAL or WINDOW > 0:
            t_logit = tl.where(seen(v_i[None, :], v_j[:, None], CAUSAL, WINDOW), t_logit, float("-inf"))
        t_value = tl.exp2(t_logit)
        if LOG:
            t_value += 1.0
        t_value = halved(t_value, LOG, BLOCK_J, BLOCK_I)
        t_value = halved(t_value, LOG, BLOCK_J, BLOCK_I // 2)
        if FACTORS == 8:
            t_value = halved(t_value, LOG, BLOCK_J, BLOCK_I // 4)
        t_sum += tl.log2(t_value) if LOG else t_value
    v_sum = tl.sum(t_sum, 1)
    if LOG:
        v_sum *= 0.6931471805599453  # ln 2
    tl.store(p_part + (b * heads + h) * tokens + v_j, tl.where(v_pooled, v_sum, 0.0), mask=v_j < tokens)


@triton.jit
def pool_kernel(
    p_score,  # (B, N)
    p_state,  # (B, N, D)
    p_pooled,  # (B, N)
    p_output,  # (B, D), written
    p_weight,  # (B, N), written
    state_b, state_n,
    tokens, hidden,
    BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """sum_j s_j h_j / sum_j s_j for BLOCK_D numbers of the embedding."""
    block, b = tl.program_id(0), tl.program_id(1).to(tl.int64)
    v_d = block * BLOCK_D + tl.arange(0, BLOCK_D)
    t_sum = tl.zeros([BLOCK_N, BLOCK_D], tl.float32)
    v_total = tl.zeros([BLOCK_N], tl.float32)
    for start in range(0, tokens, BLOCK_N):
        v_n = start + tl.arange(0, BLOCK_N)
        v_pooled = tl.load(p_pooled + b * tokens + v_n, mask=v_n < tokens, other=0) != 0
        v_score = tl.load(p_score + b * tokens + v_n, mask=v_pooled, other=0.0)
        t_mask = v_pooled[:, None] & (v_d < hidden)[None, :]
        t_state = tl.load(p_state + b * state_b + v_n[:, None] * state_n + v_d[None, :], mask=t_mask, other=0.0)
        t_sum += v_score[:, None] * t_state.to(tl.float32)
        v_total += v_score
    total = tl.sum(v_total, 0)
    v_output = tl.sum(t_sum, 0) / total
    tl.store(p_output + b * hidden + v_d, v_output.to(p_output.dtype.element_ty), mask=v_d < hidden)
    if block == 0:
        for start in range(0, tokens, BLOCK_N):
            v_n = start + tl.arange(0, BLOCK_N)
            v_score = tl.load(p_score + b * tokens + v_n, mask=v_n < tokens, other=0.0)
            tl.store(p_weight + b * tokens + v_n, v_score / total, mask=v_n < tokens)
