"""A call in one direction as a job: what is prepared before the clock starts, and what the clock sees."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ata_bench.peers import Call, Outputs
from ata_bench.shapes import Inputs

DIRECTIONS = ("forward", "backward", "forward+backward")


class Job(NamedTuple):
    """`run(prepare(i))` does the work on the i-th set of inputs; only `run` is timed. It may run again on one state."""

    prepare: Callable[[int], Any]
    run: Callable[[Any], Any]


def job(call: Call, sets: Sequence[Inputs], direction: str) -> Job:
    """Forward without gradients; backward after an untimed forward; or both at a stretch."""
    if direction == "forward":
        return Job(lambda index: sets[index], torch.no_grad()(call))
    if direction == "backward":
        return Job(lambda index: _forward(call, sets[index]), lambda state: _gradients(*state, retain_graph=True))
    return Job(lambda index: _fresh(sets[index]), lambda inputs: forward_and_backward(call, inputs))


def forward_and_backward(call: Call, inputs: Inputs) -> tuple[Outputs, tuple[Tensor | None, ...]]:
    """The outputs and the gradients of the inputs' leaves."""
    outputs = call(inputs)
    return outputs, _gradients(outputs, inputs, retain_graph=False)


def _forward(call: Call, inputs: Inputs) -> tuple[Outputs, Inputs]:
    inputs = _fresh(inputs)
    return call(inputs), inputs


def _fresh(inputs: Inputs) -> Inputs:
    """The same numbers as new leaves, which belong to the stream of the caller: a CUDA graph can hold no other."""
    leaves = [leaf.detach().requires_grad_() for leaf in inputs.leaves]
    return inputs._replace(**dict(zip(Inputs._fields, leaves, strict=False)))


def _gradients(outputs: Outputs, inputs: Inputs, *, retain_graph: bool) -> tuple[Tensor | None, ...]:
    given = {"pooled": inputs.pooled_gradient, "attended": inputs.attended_gradient}
    made = {name: value for name, value in outputs._asdict().items() if value is not None}
    return torch.autograd.grad(
        tuple(made.values()),
        inputs.leaves,
        tuple(given[name] for name in made),
        retain_graph=retain_graph,
        allow_unused=True,
    )
