"""One optimizer step: texts to embeddings to loss to new weights, on one process or many."""

import math
from collections.abc import Iterator

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from stages.encoder import Encoder
from stages.shared.errors import UserError
from stages.shared.settings import Settings
from stages.training.devices import make_accelerator
from stages.training.gradient_cache import backward
from stages.training.loss import Contrast, info_nce
from stages.training.optimizer import Temperature, build_optimizer, build_scheduler
from stages.training.prepare import Preparer, ReadyBatch
from stages.training.schedule import Schedule

SMALLER = "lower training.learning_rate or raise training.temperature in the profile"


class Trainer:
    """Trains an encoder along a schedule; accelerate moves, shards and scales."""

    def __init__(
        self, encoder: Encoder, schedule: Schedule, settings: Settings, accelerator: Accelerator | None = None
    ):
        """Takes over `encoder`, whose own weights then change. Raises UserError if the batch is too small to share."""
        options = settings.profile.training
        self._options, self.schedule = options, schedule
        self.accelerator = accelerator or make_accelerator(settings)
        self._preparer = Preparer(
            schedule, encoder, settings, self.accelerator.process_index, self.accelerator.num_processes
        )
        if options.activation_checkpointing:
            model = encoder.model
            # transformers renamed it; the old name is deprecated where the new one exists
            enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
            enable({"use_reentrant": False})
        if options.compile:
            encoder.model.compile(dynamic=True)
        optimizer = build_optimizer(encoder, options)
        self.scheduler = build_scheduler(optimizer, options)
        self.model, self._optimizer = self.accelerator.prepare(encoder, optimizer)
        if isinstance(self.model, DistributedDataParallel):
            # Buffers are the same everywhere and never change. Set here, because torch 2.13 deprecates the argument
            # for another one, which accelerate does not hand on.
            self.model.broadcast_buffers = False
        self.temperature = Temperature(options, self.accelerator.device)
        self.accelerator.register_for_checkpointing(self.scheduler, self.temperature)

    def steps(self, start: int = 0) -> Iterator[dict]:
        """Take the steps from `start` on and give each one's curves. Raises UserError when one is not finite.

        `level` is 1 to 4 for N1 to N4, 0 where a step meets none of them, or all.
        """
        self.model.train()
        for number, (step, batches) in enumerate(self._preparer.steps(start), start):
            rate = self.scheduler.get_last_lr()[0]
            contrasts = [self._backward(batch, number, batch is batches[-1], len(batches)) for batch in batches]
            norm = float(self.accelerator.clip_grad_norm_(self.model.parameters(), self._options.max_gradient_norm))
            if not math.isfinite(norm):
                raise UserError(f"the gradient norm is {norm} at step {number}; {_named(batches, None)}", next=SMALLER)
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)
            temperature = self.temperature.value
            self.temperature.step(rate)
            self.scheduler.step()
            tokens, padded = sum(batch.tokens for batch in batches), sum(batch.padded for batch in batches)
            yield {
                "loss": _mean([contrast.losses.mean().item() for contrast in contrasts]),
                "in_batch_accuracy": _mean([contrast.accuracy.item() for contrast in contrasts]),
                "false_negatives": _mean([contrast.masked.item() for contrast in contrasts]),
                "gradient_norm": norm,
                "learning_rate": rate,
                "temperature": temperature,
                "level": step.levels[0] + 1 if len(step.levels) == 1 else 0,
                "padding": 1 - tokens / padded,
                "tokens": tokens,
            }

    def _backward(self, batch: ReadyBatch, number: int, last: bool, parts: int) -> Contrast:
        """The gradients of one batch, added to those that are there."""
        seen: list[Contrast] = []

        def loss_of(embeddings: Tensor) -> Tensor:
            contrast = self.contrast(batch, embeddings)
            if not torch.isfinite(contrast.losses).all():
                bad = (~torch.isfinite(contrast.losses)).nonzero().flatten().tolist()
                raise UserError(
                    f"the loss is {contrast.losses.mean().item()} at step {number}; {_named([batch], bad)}",
                    next=SMALLER,
                )
            seen.append(contrast)
            return contrast.losses.mean() / parts

        try:
            backward(self.model, batch.chunks, batch.kept, len(batch.texts.texts), loss_of, self.accelerator, last=last)
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"the device is out of memory at step {number}, training.chunk_tokens={self._options.chunk_tokens}, "
                f"training.graph_tokens={self._options.graph_tokens}",
                next="lower both, or set training.activation_checkpointing: true; `python -m stages.training --plan` "
                "tells what needs how much",
            ) from error
        return seen[0]

    def contrast(self, batch: ReadyBatch, embeddings: Tensor) -> Contrast:
        """The loss of one batch with these embeddings of all its texts (T, D)."""
        queries, device = batch.texts.queries, embeddings.device
        query, positive, negative = embeddings.split([queries, queries, len(embeddings) - 2 * queries])
        return info_nce(
            query,
            positive,
            negative,
            self.temperature(),
            owner=batch.owner.to(device),
            same=batch.same.to(device),
            margin=self._options.false_negative_margin,
            symmetric=self._options.loss == "symmetric",
        )


def _named(batches: list[ReadyBatch], rows: list[int] | None) -> str:
    """The samples at fault, or the first of all if it is not known which."""
    ids = [batch.texts.ids[row] for batch in batches for row in (range(batch.texts.queries) if rows is None else rows)]
    more = f" and {len(ids) - 4} more" if len(ids) > 4 else ""
    return f"samples {', '.join(ids[:4])}{more}"


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
