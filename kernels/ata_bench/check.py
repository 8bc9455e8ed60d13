"""No speed from a red test: what is about to be timed, forward and every gradient, against a float64 definition."""

import torch
from benching.processes import WrongResult
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ata_bench.peers import CALLS
from ata_bench.shapes import Inputs

# Relative errors: rounding of float32 sums; of products whose operands are rounded to 8 bits of mantissa.
ALLOWED = {torch.float32: 1e-4, torch.bfloat16: 2e-2}


def definition(query: Tensor, key: Tensor, hidden_states: Tensor, attention_mask: Tensor) -> Tensor:
    """Bidirectional ATA pooling (B, D) in float64, one head's matrix in memory at a time, forward and backward.

    Written apart from `ata_pooling.reference`, which is among the things that are checked.
    """
    group = query.shape[1] // key.shape[1]
    query, key, hidden_states = query.double(), key.double(), hidden_states.double()
    scores = sum(
        checkpoint(_head_scores, query[:, head], key[:, head // group], attention_mask, use_reentrant=False)
        for head in range(query.shape[1])
    )
    scores = scores * attention_mask
    return torch.einsum("bn,bnd->bd", scores / scores.sum(dim=1, keepdim=True), hidden_states)


def _head_scores(query: Tensor, key: Tensor, real: Tensor) -> Tensor:
    """Sums over one head's real positions of log(1 + K a): (B, N) from query and key (B, N, d)."""
    logits = query @ key.transpose(1, 2) * query.shape[-1] ** -0.5
    attention = logits.masked_fill(~real[:, None, :], float("-inf")).softmax(dim=-1) * real[:, :, None]
    return torch.log1p(real.sum(dim=1)[:, None, None] * attention).sum(dim=1)


def require_right(names: list[str], inputs: Inputs, what: str) -> None:
    """Raise WrongResult with a line for each result of the calls `names` that is off. `what` describes the inputs."""
    expected = dict(_results(definition(*_arguments(inputs)), inputs))
    wrong = []
    for name in names:
        for part, value in _results(CALLS[name](inputs).pooled, inputs):
            wrong += complaints(f"{name}, {what}: {part}", value, expected[part], inputs.query.dtype)
    if wrong:
        raise WrongResult("\n".join(wrong))


def complaints(what: str, value: Tensor, expected: Tensor, dtype: torch.dtype) -> list[str]:
    """A line if `value`, made from numbers in `dtype`, is too far from `expected`."""
    error, allowed = relative_error(value, expected), ALLOWED[dtype]
    if error <= allowed:  # false for a NaN
        return []
    return [f"{what} is off by {error:.1e} of its size; allowed: {allowed:.0e}"]


def relative_error(value: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of the expected."""
    return float((value.double() - expected).norm() / expected.norm())


def _arguments(inputs: Inputs) -> tuple[Tensor, ...]:
    return inputs.query, inputs.key, inputs.hidden_states, inputs.attention_mask


def _results(pooled: Tensor, inputs: Inputs):
    """Names and values of the output and of the gradients of query, key and hidden states."""
    yield "output", pooled.detach()
    leaves = dict(zip(("query", "key", "hidden_states"), _arguments(inputs)[:3], strict=True))
    gradients = torch.autograd.grad(pooled, tuple(leaves.values()), inputs.pooled_gradient.to(pooled.dtype))
    for name, gradient in zip(leaves, gradients, strict=True):
        yield f"gradient of {name}", gradient.to(torch.float64)
