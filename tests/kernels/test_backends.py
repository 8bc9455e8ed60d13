"""Every backend against the definition in double precision: values, weights, gradients, and how they are called.

`pytest -m gpu` runs the tests of the Triton kernels on a CUDA device; without one they run in Triton's interpreter.
"""

import itertools

import pytest
import torch
from ata_pooling import ata_pool, chunked
from torch.utils.checkpoint import checkpoint

VALUES = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}  # relative error of output and weights
GRADIENTS = {torch.float32: 2e-4, torch.float16: 1e-2, torch.bfloat16: 2e-2}
NAMES = ("output", "weights", "query", "key", "hidden_states")


@pytest.fixture(params=["torch", "triton", pytest.param("triton-cuda", marks=pytest.mark.gpu)])
def backend(request):
    """Backend and device."""
    name, _, device = request.param.partition("-")
    return {"backend": name, "device": device or "cpu"}


def inputs(tokens, *, batch=3, heads=4, key_heads=2, size=16, hidden=24, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(batch, heads, tokens, size), (batch, key_heads, tokens, size), (batch, tokens, hidden)]
    query, key, states = (torch.randn(shape, generator=generator) for shape in shapes)
    return query * 2, key * 2, states


def ragged(batch, tokens, side):
    """Rows of all tokens, of about half, ..., of one."""
    lengths = torch.linspace(tokens, 1, batch).round().long()
    mask = torch.arange(tokens)[None, :] < lengths[:, None]
    return mask if side == "right" else mask.flip(1)


def run(tensors, *, backend, device="cpu", dtype=torch.float32, **options):
    """Output, weights and the three gradients under random gradients of output and weights."""
    leaves = [tensor.to(device, dtype).clone().requires_grad_() for tensor in tensors]
    options = {name: value.to(device) if torch.is_tensor(value) else value for name, value in options.items()}
    output, weights = ata_pool(*leaves, backend=backend, return_weights=True, **options)
    generator = torch.Generator().manual_seed(1)
    loss = 0
    for result in (output, weights):
        noise = torch.randn(result.shape, generator=generator, dtype=torch.float64)
        loss = loss + (result.double() * noise.to(device)).sum()
    loss.backward()
    return [result.detach().cpu() for result in (output, weights, *(leaf.grad for leaf in leaves))]


def assert_equal_to_definition(tensors, backend, dtype=torch.float32, lse=None, **options):
    exact = [tensor.to(dtype).double() for tensor in tensors]
    expected = run(exact, backend="reference", dtype=torch.float64, **options)
    given = run(tensors, **backend, dtype=dtype, lse=lse, **options)
    # Of one token the weight is 1 whatever query and key are: their gradients are nothing but rounding.
    smallest = float(expected[4].norm()) * 1e-4
    for name, have, want in zip(NAMES, given, expected, strict=True):
        assert bool(torch.isfinite(have).all()), name
        limit = (VALUES if name in ("output", "weights") else GRADIENTS)[dtype]
        error = float((have.double() - want).norm()) / max(float(want.norm()), smallest)
        assert error <= limit, f"{name}: relative error {error:.1e}, at most {limit:.0e}"


@pytest.mark.parametrize("tokens", [1, 2, 31, 33, 70])
@pytest.mark.parametrize("score", ["log1p", "linear"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 1, 9])
def test_equals_the_definition_for_any_length_score_and_reach(backend, tokens, score, causal, window):
    side = "left" if tokens % 2 else "right"
    options = {"attention_mask": ragged(3, tokens, side), "score": score, "causal": causal, "window": window}
    assert_equal_to_definition(inputs(tokens), backend, **options)


@pytest.mark.parametrize(("size", "key_heads"), [(16, 4), (24, 1), (65, 2), (128, 4), (256, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_equals_the_definition_for_any_head_size_grouping_and_dtype(backend, size, key_heads, dtype):
    tensors = inputs(40, batch=2, key_heads=key_heads, size=size)
    tensors = (tensors[0] * (16 / size) ** 0.5, *tensors[1:])
    assert_equal_to_definition(tensors, backend, dtype, attention_mask=ragged(2, 40, "left"))


@pytest.mark.parametrize("causal", [False, True])
def test_equals_the_definition_with_holes_in_both_masks(backend, causal):
    generator = torch.Generator().manual_seed(3)
    attention_mask, pool_mask = (torch.rand(3, 50, generator=generator) < 0.6 for _ in range(2))
    options = {"attention_mask": attention_mask, "pool_mask": pool_mask, "causal": causal}
    assert_equal_to_definition(inputs(50), backend, **options)


def test_row_longer_than_a_chunk_or_a_block_equals_the_definition(backend, monkeypatch):
    monkeypatch.setattr("ata_pooling.chunked.CHUNK", 4 * 150 * 7)  # seven query rows at a time
    mask = ragged(2, 150, "right")
    for causal, window in itertools.product([False, True], [None, 20]):
        options = {"attention_mask": mask, "causal": causal, "window": window}
        assert_equal_to_definition(inputs(150, batch=2), backend, **options)


def test_very_peaked_attention_equals_the_definition(backend):
    query, key, states = inputs(40)
    assert_equal_to_definition((query * 8, key * 8, states), backend, attention_mask=ragged(3, 40, "right"))


@pytest.mark.parametrize("causal", [False, True])
def test_given_log_sum_exp_changes_nothing(backend, causal):
    query, key, states = inputs(40, key_heads=4)
    mask = ragged(3, 40, "left")
    visible = mask[:, None, None, :] & (torch.ones(40, 40).tril() > 0 if causal else True)
    logits = (query @ key.transpose(2, 3) / 4).masked_fill(~visible, -torch.inf)
    lse = logits.logsumexp(3).masked_fill(~mask[:, None, :], torch.nan)  # padding may hold anything
    assert_equal_to_definition((query, key, states), backend, attention_mask=mask, causal=causal, lse=lse)


def test_log_sum_exp_is_taken_as_given(backend):
    tensors, mask = inputs(20), torch.ones(3, 20, dtype=torch.bool)
    with_wrong = run(tensors, **backend, attention_mask=mask, lse=torch.linspace(0, 9, 240).view(3, 4, 20))
    without = run(tensors, **backend, attention_mask=mask)
    assert not torch.allclose(with_wrong[1], without[1], atol=1e-3)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_may_hold_anything(backend, side, causal):
    tensors, mask = inputs(37), ragged(3, 37, side)
    poisoned = [
        tensor.masked_fill(~(mask[:, None, :, None] if tensor.ndim == 4 else mask[:, :, None]), torch.nan)
        for tensor in tensors
    ]
    results = [run(rows, **backend, attention_mask=mask, causal=causal) for rows in (tensors, poisoned)]
    for plain, other in zip(*results, strict=True):
        assert torch.equal(plain, other)


def test_batch_size_order_and_padding_side_do_not_matter(backend):
    """A row alone, unpadded, equals itself among others, wherever its padding is."""
    lengths = [40, 1, 17, 33]
    rows = [inputs(length, batch=1, seed=length) for length in lengths]
    alone = [
        run(row, **backend, attention_mask=torch.ones(1, length))[0] for row, length in zip(rows, lengths, strict=True)
    ]
    for side, order in itertools.product(["left", "right"], [[0, 1, 2, 3], [3, 1, 0, 2]]):
        batch = [torch.zeros(4, *tensor.shape[1:-2], 40, tensor.shape[-1]) for tensor in rows[0]]
        mask = torch.zeros(4, 40)
        for place, row in enumerate(order):
            span = slice(0, lengths[row]) if side == "right" else slice(40 - lengths[row], 40)
            mask[place, span] = 1
            for whole, part in zip(batch, rows[row], strict=True):
                whole[place, ..., span, :] = part[0]
        output = run(batch, **backend, attention_mask=mask)[0]
        torch.testing.assert_close(output, torch.cat([alone[row] for row in order]), rtol=1e-5, atol=1e-5)


def test_views_with_other_strides_give_the_same(backend):
    query, key, states = inputs(40)
    views = [tensor.transpose(1, 2).contiguous().transpose(1, 2) for tensor in (query, key)]
    mask = ragged(3, 40, "right")
    plain = run((query, key, states), **backend, attention_mask=mask)
    leaves = [view.to(backend["device"]) for view in views]
    leaves.append(states.mT.contiguous().mT.to(backend["device"]))
    output = ata_pool(*leaves, attention_mask=mask.to(backend["device"]), backend=backend["backend"])
    torch.testing.assert_close(output.cpu(), plain[0], rtol=0, atol=1e-6)


def test_same_inputs_give_the_same_bits(backend):
    tensors, mask = inputs(64), ragged(3, 64, "right")
    first, second = (run(tensors, **backend, attention_mask=mask) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def test_autocast_changes_nothing(backend):
    mask = ragged(3, 33, "right").to(backend["device"])
    results = []
    for enabled in (False, True):
        leaves = [tensor.to(backend["device"]).requires_grad_() for tensor in inputs(33)]
        with torch.autocast(backend["device"], dtype=torch.bfloat16, enabled=enabled):
            output = ata_pool(*leaves, attention_mask=mask, backend=backend["backend"])
        results.append([output, *torch.autograd.grad(output.square().sum(), leaves)])
    assert all(torch.equal(*pair) for pair in zip(*results, strict=True))


def test_half_precision_query_may_meet_single_precision_states(backend):
    query, key, states = (tensor.to(backend["device"]) for tensor in inputs(33))
    mask = torch.ones(3, 33, device=backend["device"])
    output = ata_pool(query.bfloat16(), key.bfloat16(), states, attention_mask=mask, backend=backend["backend"])
    expected = ata_pool(query.bfloat16().double(), key.bfloat16().double(), states.double(), attention_mask=mask)
    assert output.dtype == torch.float32
    torch.testing.assert_close(output.double(), expected, rtol=0, atol=1e-5)


@pytest.fixture
def pooling(backend):
    """A loss of three leaves, and those leaves."""
    leaves = [tensor.to(backend["device"]).requires_grad_() for tensor in inputs(33)]
    mask = ragged(3, 33, "right").to(backend["device"])

    def loss(query, key, states):
        return ata_pool(query.sin(), key, states, attention_mask=mask, backend=backend["backend"]).square().sum()

    return loss, leaves


def test_compiles_into_one_graph_with_the_same_result(pooling):
    loss, leaves = pooling
    plain = torch.autograd.grad(loss(*leaves), leaves)
    compiled = torch.autograd.grad(torch.compile(loss, fullgraph=True, backend="aot_eager")(*leaves), leaves)
    for one, other in zip(plain, compiled, strict=True):
        torch.testing.assert_close(one, other)


def test_activation_checkpointing_gives_the_same_gradients(pooling):
    loss, leaves = pooling
    plain = torch.autograd.grad(loss(*leaves), leaves)
    again = torch.autograd.grad(checkpoint(loss, *leaves, use_reentrant=False), leaves)
    assert all(torch.equal(*pair) for pair in zip(plain, again, strict=True))


def test_detach_stops_gradients_at_the_weights(backend):
    leaves = [tensor.to(backend["device"]).requires_grad_() for tensor in inputs(20)]
    mask = torch.ones(3, 20, device=backend["device"])
    output = ata_pool(*leaves, attention_mask=mask, backend=backend["backend"], detach=True)
    output.square().sum().backward()
    assert leaves[0].grad is None
    assert leaves[1].grad is None
    assert bool(leaves[2].grad.any())


def test_memory_is_a_chunk_and_not_the_matrix(monkeypatch):
    """The largest tensor that the chunked backend makes, forward and backward."""
    monkeypatch.setattr(chunked, "CHUNK", 1 << 14)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, _types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            for tensor in torch.utils._pytree.tree_leaves(result):
                if torch.is_tensor(tensor):
                    largest = max(largest, tensor.numel())
            return result

    query, key, _ = inputs(1024, batch=1, heads=2, size=8)
    real = torch.ones(1, 1024, dtype=torch.bool)
    with Watch():
        scores, lse = chunked._scores._init_fn(query, key, real, None, False, None, 1.0, True)
        chunked._scores_backward._init_fn(scores, query, key, real, lse, False, None, 1.0, True)
    assert largest == 2 << 14  # the two buffers; the matrix has 2 << 20 numbers
