"""The definition of ATA pooling against the paper's sums written as plain loops in double precision."""

import functools
import math

import pytest
import torch
from ata_pooling import ata_pool as ata_pool_of_any_backend

ata_pool = functools.partial(ata_pool_of_any_backend, backend="reference")
TOLERANCE = 2e-5  # of float32 sums against double precision


def inputs(batch=3, heads=4, key_heads=4, tokens=7, size=5, hidden=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(batch, heads, tokens, size), (batch, key_heads, tokens, size), (batch, tokens, hidden)]
    return [torch.randn(shape, generator=generator) for shape in shapes]


def ragged(batch, tokens, side):
    """A mask of rows with fewer and fewer real tokens, the last with one."""
    lengths = torch.linspace(tokens, 1, batch).round().long()
    mask = torch.arange(tokens)[None, :] < lengths[:, None]
    return mask if side == "right" else mask.flip(1)


def loops(query, key, hidden, attention_mask, pool_mask=None, causal=False, scale=None, score="log1p"):
    """Output (B, D) and weights (B, N), one number at a time."""
    batch, heads, tokens, size = query.shape
    group, scale = heads // key.shape[1], scale or 1 / math.sqrt(size)
    weights = [[0.0] * tokens for _ in range(batch)]
    for b in range(batch):
        real = [j for j in range(tokens) if attention_mask[b, j]]
        pooled = [j for j in real if pool_mask is None or pool_mask[b, j]]
        for h in range(heads):
            for i in real:
                seen = [j for j in real if j <= i or not causal]
                q = query[b, h, i].double()
                exponents = {j: math.exp(scale * float(q @ key[b, h // group, j].double())) for j in seen}
                for j in set(seen) & set(pooled):
                    a = exponents[j] / sum(exponents.values())
                    weights[b][j] += math.log(1 + len(real) * a) if score == "log1p" else a
    weights = torch.tensor(weights, dtype=torch.float64)
    weights /= weights.sum(dim=1, keepdim=True)
    output = [sum(weights[b, j] * hidden[b, j].double() for j in range(tokens)) for b in range(batch)]
    return torch.stack(output), weights


def assert_equal_to_loops(query, key, hidden, attention_mask, **options):
    output, weights = ata_pool(query, key, hidden, attention_mask=attention_mask, return_weights=True, **options)
    expected_output, expected_weights = loops(query, key, hidden, attention_mask, **options)
    torch.testing.assert_close(weights.double(), expected_weights, rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(output.double(), expected_output, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("score", ["log1p", "linear"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("key_heads", [4, 2, 1])
def test_equals_the_plain_loops_for_ragged_rows_and_grouped_heads(key_heads, causal, score, side):
    query, key, hidden = inputs(key_heads=key_heads)
    assert_equal_to_loops(query, key, hidden, ragged(3, 7, side), causal=causal, score=score)


@pytest.mark.parametrize("tokens", [1, 2, 17])
def test_equals_the_plain_loops_for_any_length(tokens):
    assert_equal_to_loops(*inputs(tokens=tokens), torch.ones(3, tokens))


@pytest.mark.parametrize("causal", [False, True])
def test_pool_mask_restricts_what_is_pooled_but_not_what_attends(causal):
    query, key, hidden = inputs()
    mask = ragged(3, 7, "right")
    pool_mask = torch.tensor([[0, 1, 1, 0, 1, 1, 1], [0, 0, 1, 1, 0, 0, 0], [1, 0, 1, 1, 1, 1, 1]])
    assert_equal_to_loops(query, key, hidden, mask, pool_mask=pool_mask, causal=causal)
    dropped = ata_pool(query, key, hidden, attention_mask=mask & pool_mask.bool(), causal=causal)
    restricted = ata_pool(query, key, hidden, attention_mask=mask, pool_mask=pool_mask, causal=causal)
    assert not torch.allclose(dropped, restricted, atol=1e-3)


def test_scale_replaces_one_over_the_root_of_the_head_size():
    query, key, hidden = inputs()
    assert_equal_to_loops(query, key, hidden, torch.ones(3, 7), scale=0.9)
    default = ata_pool(query, key, hidden, attention_mask=torch.ones(3, 7))
    assert torch.equal(default, ata_pool(query, key, hidden, attention_mask=torch.ones(3, 7), scale=5**-0.5))


def test_weights_are_a_distribution_over_the_real_tokens():
    mask = ragged(3, 7, "right")
    _, weights = ata_pool(*inputs(), attention_mask=mask, return_weights=True)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3))
    assert bool((weights[mask] > 0).all())
    assert bool((weights[~mask] == 0).all())


def test_row_of_one_token_is_that_tokens_state():
    query, key, hidden = inputs(tokens=4)
    mask = torch.tensor([[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    output = ata_pool(query, key, hidden, attention_mask=mask)
    torch.testing.assert_close(output, hidden[[0, 1, 2], [2, 0, 3]])


def test_equal_attention_gives_the_mean():
    _, key, hidden = inputs()
    mask = ragged(3, 7, "right")
    output = ata_pool(torch.zeros_like(key), key, hidden, attention_mask=mask)
    mean = (hidden * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
    torch.testing.assert_close(output, mean)


def _poisoned(tensor, mask):
    """`tensor` with NaN wherever `mask` (B, N) is false."""
    mask = mask[:, None, :, None] if tensor.ndim == 4 else mask[:, :, None]
    return tensor.masked_fill(~mask, float("nan"))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_may_hold_anything_forward_and_backward(side, causal):
    mask, tensors = ragged(3, 7, side), inputs()
    results = []
    for rows in (tensors, [_poisoned(tensor, mask) for tensor in tensors]):
        leaves = [row.clone().requires_grad_() for row in rows]
        output = ata_pool(*leaves, attention_mask=mask, causal=causal)
        output.square().sum().backward()
        results.append([output, *(leaf.grad for leaf in leaves)])
    for plain, poisoned in zip(*results, strict=True):
        assert torch.equal(plain, poisoned)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("key_heads", [4, 2])
def test_gradients_equal_finite_differences_of_the_plain_loops(key_heads, causal):
    tensors = inputs(batch=2, key_heads=key_heads, tokens=4, size=3, hidden=2)
    mask = ragged(2, 4, "right")
    mask[1, 1] = True  # two real tokens: one alone has no gradient to its weight
    leaves = [row.clone().requires_grad_() for row in tensors]
    ata_pool(*leaves, attention_mask=mask, causal=causal).sum().backward()
    step = 1e-5
    for position, leaf in enumerate(leaves):
        for index in range(0, leaf.numel(), 3):
            values = []
            for sign in (1, -1):
                moved = [row.double() for row in tensors]
                moved[position].view(-1)[index] += sign * step
                values.append(loops(*moved, mask, causal=causal)[0].sum())
            expected = float(values[0] - values[1]) / (2 * step)
            assert float(leaf.grad.reshape(-1)[index]) == pytest.approx(expected, abs=1e-4)


def test_detach_changes_no_value_and_stops_gradients_to_query_and_key():
    tensors = inputs()
    gradients = {}
    for detach in (False, True):
        leaves = [row.clone().requires_grad_() for row in tensors]
        output = ata_pool(*leaves, attention_mask=torch.ones(3, 7), detach=detach)
        output.square().sum().backward()
        gradients[detach] = [output, *(leaf.grad for leaf in leaves)]
    assert torch.equal(gradients[False][0], gradients[True][0])
    assert gradients[True][1] is None
    assert gradients[True][2] is None
    assert bool(gradients[False][1].any())
    assert torch.equal(gradients[False][3], gradients[True][3])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_output_has_the_dtype_of_the_hidden_states_and_weights_are_float32(dtype):
    tensors = [tensor.to(dtype) for tensor in inputs()]
    output, weights = ata_pool(*tensors, attention_mask=torch.ones(3, 7), return_weights=True)
    assert (output.dtype, weights.dtype) == (dtype, torch.float32)
    expected, _ = loops(*tensors, torch.ones(3, 7))
    torch.testing.assert_close(output.double(), expected, rtol=0, atol={torch.bfloat16: 8e-3}.get(dtype, 1e-3))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"score": "softmax"}, "score: given 'softmax'; allowed: log1p, linear"),
        ({"query": torch.ones(3, 7, 5)}, r"query and key must be \(B, H, N, d\)"),
        ({"hidden_states": torch.ones(3, 7)}, r"hidden_states \(B, N, D\)"),
        ({"key": torch.ones(2, 4, 7, 5)}, "key .* does not fit query"),
        ({"key": torch.ones(3, 4, 6, 5)}, "key .* does not fit query"),
        ({"key": torch.ones(3, 4, 7, 4)}, "key .* does not fit query"),
        ({"key": torch.ones(3, 3, 7, 5)}, "key .* does not fit query"),
        ({"hidden_states": torch.ones(3, 6, 6)}, "hidden_states .* does not fit query"),
        ({"attention_mask": torch.ones(3, 6)}, r"attention_mask \(3, 6\) does not fit query"),
        ({"pool_mask": torch.ones(2, 7)}, r"pool_mask \(2, 7\) does not fit query"),
        ({"attention_mask": torch.eye(3, 7) * torch.tensor([[1], [0], [1]])}, r"no token to pool in row \[1\]"),
        ({"attention_mask": torch.eye(3, 7), "pool_mask": torch.eye(7)[4:]}, r"no token to pool in row \[0, 1, 2\]"),
    ],
)
def test_what_does_not_fit_is_a_value_error(change, told):
    query, key, hidden = inputs()
    values = {"query": query, "key": key, "hidden_states": hidden, "attention_mask": torch.ones(3, 7), **change}
    with pytest.raises(ValueError, match=told):
        ata_pool(**values)
