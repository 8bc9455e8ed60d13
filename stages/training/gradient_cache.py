"""Gradients of a loss over more texts than fit through the model at once (GradCache, Gao et al., arXiv 2101.06983).

The loss sees all embeddings of a batch together, those of other processes too. Chunks go through the model one after
another: those whose activations fit in memory once, keeping their graph; the others first without gradients, and again
when the gradient of their embeddings is known. Shapes: T texts, D dimensions.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch import Tensor, nn

from stages.training.prepare import Chunk


def backward(
    model: nn.Module,
    chunks: list[Chunk],
    kept: int,
    texts: int,
    loss_of: Callable[[Tensor], Tensor],
    accelerator: Accelerator,
    *,
    last: bool = True,
) -> None:
    """Add to the model's gradients those of `loss_of(embeddings (T, D))`, the same on every process.

    Args:
        chunks: this process's share; every process has as many.
        kept: how many chunks, one at least, keep their graph; the same number on every process.
        last: this is the optimizer step's last batch, after which processes add up their gradients.
    """
    cached, direct = chunks[:-kept], chunks[-kept:]
    held = []
    with torch.no_grad():
        found = [(chunk.rows, _embed(model, chunk, accelerator)) for chunk in cached]
    for number, chunk in enumerate(direct):
        final = last and not cached and number == len(direct) - 1
        with _sync(accelerator, model, final):
            held.append(_embed(model, chunk, accelerator))
        found.append((chunk.rows, held[-1].detach()))

    embeddings = _gathered(found, texts, accelerator).requires_grad_()
    loss_of(embeddings).backward()
    gradient = embeddings.grad * accelerator.num_processes  # the processes' gradients are averaged, this makes it a sum

    with _sync(accelerator, model, last and not cached):
        accelerator.backward(
            sum(_product(part, gradient[chunk.rows]) for part, chunk in zip(held, direct, strict=True))
        )
    del held
    for number, chunk in enumerate(cached):
        with _sync(accelerator, model, last and number == len(cached) - 1):
            accelerator.backward(_product(_embed(model, chunk, accelerator), gradient[chunk.rows]))


def _embed(model: nn.Module, chunk: Chunk, accelerator: Accelerator) -> Tensor:
    torch.manual_seed(chunk.seed)
    return model(**{name: tensor.to(accelerator.device) for name, tensor in chunk.inputs.items()}).float()


def _gathered(found: list[tuple[list[int], Tensor]], texts: int, accelerator: Accelerator) -> Tensor:
    """All processes' embeddings (T, D): each fills its rows of a table of zeros, and the tables are summed, exactly."""
    table = found[0][1].new_zeros(texts, found[0][1].shape[1])
    for rows, embeddings in found:
        table[rows] = embeddings
    return accelerator.reduce(table, reduction="sum")


def _product(embeddings: Tensor, gradient: Tensor) -> Tensor:
    return (embeddings * gradient).sum()


@contextmanager
def _sync(accelerator: Accelerator, model: nn.Module, wanted: bool) -> Iterator[None]:
    """Whether processes add up their gradients in a backward pass within the block.

    DDP gets ready for that in the forward pass, so it belongs in the block too. DeepSpeed takes the optimizer's step
    inside the backward pass that does, which accelerate tells it by `sync_gradients`; its `no_sync` does nothing there.
    """
    before = accelerator.sync_gradients
    accelerator.sync_gradients = wanted
    try:
        deepspeed = accelerator.distributed_type == DistributedType.DEEPSPEED
        with nullcontext() if wanted or deepspeed else accelerator.no_sync(model):
            yield
    finally:
        accelerator.sync_gradients = before
