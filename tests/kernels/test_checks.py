"""What `ata_pool` refuses: each error names the argument, what was given and what is allowed, on every backend."""

import subprocess
import sys

import pytest
import torch
from ata_pooling import ata_pool
from ata_pooling.chunked import factors


def arguments(**change):
    shapes = {"query": (2, 4, 6, 16), "key": (2, 2, 6, 16), "hidden_states": (2, 6, 8)}
    generator = torch.Generator().manual_seed(0)
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return {**tensors, "attention_mask": torch.ones(2, 6), **change}


def put(name, value, place):
    tensor = arguments()[name]
    tensor[place] = value
    return {name: tensor}


@pytest.mark.parametrize("backend", ["reference", "torch", "triton"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("query", torch.nan, (1, 3, 5, 0)), r"query: given nan at \[1, 3, 5, 0\]; allowed: finite numbers"),
        (put("key", torch.inf, (0, 1, 2, 3)), r"key: given inf at \[0, 1, 2, 3\]"),
        (put("hidden_states", -torch.inf, (0, 4, 7)), r"hidden_states: given -inf at \[0, 4, 7\]"),
        ({"query": torch.ones(2, 4, 6, 16, dtype=torch.int64)}, "query: given torch.int64; allowed: torch.float16"),
        ({"key": torch.ones(2, 2, 6, 16).half()}, "key is torch.float16 and query torch.float32"),
        ({"key": torch.ones(2, 3, 6, 16)}, "key has 3 heads, which do not divide the 4 of query"),
        ({"lse": torch.ones(2, 4, 5)}, r"lse \(2, 4, 5\) does not fit query .*wanted \(2, 4, 6\)"),
        ({"attention_mask": torch.ones(2, 6, 1)}, r"attention_mask \(2, 6, 1\) does not fit query"),
        ({"pool_mask": torch.ones(2, 6, device="meta")}, "pool_mask is on meta and query on cpu"),
        ({"window": 0}, "window: given 0; allowed: 1 or more"),
        (
            {"pool_mask": torch.tensor([[0, 1, 0, 0, 0, 0], [0] * 6])},
            r"pool_mask leaves no token to pool in row \[1\]: \(real, to pool\) are \[\(6, 0\)\]",
        ),
    ],
)
def test_argument_that_cannot_be_used_is_named_with_both_values(backend, change, told):
    with pytest.raises(ValueError, match=told):
        ata_pool(**arguments(**change), backend=backend)


def test_unknown_backend_is_told_with_those_that_exist():
    with pytest.raises(ValueError, match="backend: given 'cuda'; allowed: None, reference, torch, triton"):
        ata_pool(**arguments(), backend="cuda")


@pytest.mark.parametrize("change", [{"dtype": torch.float64}, {"size": 257}])
def test_triton_refuses_what_it_does_not_hold_and_names_the_backend_that_does(change):
    tensors = [torch.ones(1, 1, 3, change.get("size", 16), dtype=change.get("dtype", torch.float32)) for _ in range(2)]
    options = {"hidden_states": torch.ones(1, 3, 2), "attention_mask": torch.ones(1, 3)}
    with pytest.raises(ValueError, match="use backend='torch'"):
        ata_pool(*tensors, **options, backend="triton")
    assert ata_pool(*tensors, **options).shape == (1, 2)


def test_values_go_unseen_on_request_and_give_nan():
    change = put("query", torch.nan, (1, 3, 5, 0))
    output = ata_pool(**arguments(**change), check_values=False)
    assert bool(torch.isfinite(output[0]).all())
    assert bool(output[1].isnan().all())


def test_triton_on_the_cpu_without_its_interpreter_says_how_to_get_it():
    code = (
        "import os; os.environ['TRITON_INTERPRET'] = '0'; import torch, triton; from ata_pooling import ata_pool\n"
        "x = torch.ones(1, 1, 2, 16)\n"
        "ata_pool(x, x, x[0], attention_mask=torch.ones(1, 2), backend='triton')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "TRITON_INTERPRET=1 before Python starts" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("tokens", [1, 1 << 15, (1 << 15) + 1, (1 << 31) - 1])
def test_product_of_factors_fits_single_precision_whatever_is_attended_to(tokens):
    assert bool(torch.isfinite(torch.tensor(1.0 + tokens) ** factors(tokens)))
