"""Steps made ready for the model one ahead of it: tokens, chunks of like length, and this process's share of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.encoder import Encoder
from stages.encoder.chunks import token_chunks
from stages.shared.errors import UserError
from stages.shared.seeds import derive_seed
from stages.shared.settings import Settings
from stages.training.schedule import Schedule, Step
from stages.training.texts import Texts, batch_texts


@dataclass(frozen=True)
class Chunk:
    """Texts of like length, for one pass through the model."""

    rows: list[int]  # their places in the batch
    inputs: dict[str, Tensor]  # (B, N) each
    seed: int  # of dropout, so that both passes of GradCache drop the same


@dataclass(frozen=True)
class ReadyBatch:
    """One batch of a step: all its texts, and the chunks that this process computes."""

    texts: Texts
    same: Tensor
    owner: Tensor
    chunks: list[Chunk]
    kept: int  # how many of them, from the last, keep their graph
    tokens: int  # of all texts, without padding
    padded: int  # of all chunks of all processes, with padding


class Preparer:
    """Turns steps into batches for process `process` of `processes`."""

    def __init__(self, schedule: Schedule, encoder: Encoder, settings: Settings, process: int, processes: int):
        """Raises UserError if there are more processes than texts in a batch."""
        self._schedule, self._encoder, self._settings = schedule, encoder, settings
        self._process, self._processes = process, processes
        fewest = 2 * settings.profile.training.batch_size
        if processes > fewest:
            raise UserError(
                f"{processes} processes share training.batch_size={fewest // 2} queries and as many documents",
                next="raise training.batch_size, or launch fewer processes",
            )

    def steps(self, start: int) -> Iterator[tuple[Step, list[ReadyBatch]]]:
        """All steps from `start` on, each with its batches; the next one is made while the caller computes."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            waiting = pool.submit(self.step, start) if start < len(self._schedule) else None
            for number in range(start, len(self._schedule)):
                ready = waiting.result()
                if number + 1 < len(self._schedule):
                    waiting = pool.submit(self.step, number + 1)
                yield ready

    def step(self, number: int) -> tuple[Step, list[ReadyBatch]]:
        step = self._schedule[number]
        return step, [
            self._batch(batch_texts(batch, step.levels), number, part) for part, batch in enumerate(step.batches)
        ]

    def _batch(self, texts: Texts, step: int, part: int) -> ReadyBatch:
        options, seed = self._settings.profile.training, self._settings.params.seed
        tokens = self._encoder.tokens(texts.texts, options.max_length, texts.instructions)
        lengths = tokens.lengths
        chunks = token_chunks(lengths, options.chunk_tokens, multiple=self._processes)
        mine = [
            Chunk(rows, tokens.padded(rows), derive_seed(seed, "dropout", step, part, number))
            for number, rows in enumerate(chunks)
            if number % self._processes == self._process
        ]
        return ReadyBatch(
            texts=texts,
            same=torch.from_numpy(texts.same),
            owner=torch.from_numpy(texts.owner),
            chunks=mine,
            kept=self._kept([len(rows) * lengths[rows[0]] for rows in chunks]),
            tokens=sum(lengths),
            padded=sum(len(rows) * lengths[rows[0]] for rows in chunks),
        )

    def _kept(self, sizes: list[int]) -> int:
        """How many chunks of each process, from the last, hold at most `graph_tokens` together; one at least."""
        budget, kept = self._settings.profile.training.graph_tokens, 0
        # Chunks are dealt in turn, longest first, so the first process has most tokens.
        for size in sizes[-self._processes :: -self._processes]:
            budget -= size
            if budget < 0:
                break
            kept += 1
        return max(1, kept)
