"""The processes that share the encoding: one evaluates, the others make the shards that it asks for.

Each holds the whole model. Only the first one reads tasks, scores, and writes results, so a task that fails there
leaves the others waiting for their next order, not out of step.
"""

import os
from collections.abc import Callable
from datetime import timedelta

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from accelerate.utils import broadcast_object_list, gather_object

from stages.evaluation.models.embed import Embed
from stages.evaluation.shards import Shard, make_shards
from stages.shared.errors import UserError
from stages.shared.settings import Runtime

PATIENCE = timedelta(days=30)  # for the next order: a large clustering takes the first process hours


class Team:
    """This process's part in it; with one process there is nobody to ask."""

    def __init__(self, runtime: Runtime, load: Callable[[str, torch.device], Embed]):
        """`load` gives the model of a name, on this process's device."""
        cpu = runtime.device == "cpu"
        handlers = [InitProcessGroupKwargs(timeout=PATIENCE)]
        self._accelerator = Accelerator(cpu=cpu, kwargs_handlers=handlers) if _launched() else None
        self._device = self._accelerator.device if self._accelerator else torch.device(runtime.device)
        self._load = load
        self._embed: Embed | None = None

    @property
    def device(self) -> torch.device:
        return self._device

    @property
    def first(self) -> bool:
        """Whether this is the process that evaluates."""
        return self._accelerator is None or self._accelerator.is_main_process

    def load(self, name: str) -> None:
        """Every process gets the model `name`. For the first process. Raises UserError if one of them cannot."""
        self._order(("load", name))

    def forget(self) -> None:
        """No process holds a model any longer, so that its memory is free. For the first process."""
        self._order(("forget", None))

    def make(self, shards: list[Shard]) -> None:
        """Write `shards`, shared out over all processes. For the first process. Raises UserError if one fails."""
        if shards:
            self._order(("make", shards))

    def serve(self) -> None:
        """Follow the orders of the first process until it dismisses this one. For the others."""
        while (order := self._hear(None)) is not None:
            self._follow(order)
        self._part()

    def dismiss(self) -> None:
        """Let the others end. For the first process."""
        if self._accelerator:
            self._hear(None)
            self._part()

    def _part(self) -> None:
        """Together, before any of them ends: a process that ends alone aborts the ones that still listen to it."""
        self._accelerator.wait_for_everyone()
        torch.distributed.destroy_process_group()

    def _order(self, order: tuple) -> None:
        if failures := [failure for failure in self._follow(self._hear(order)) if failure]:
            raise UserError(*failures[0][:1], next=failures[0][1])

    def _hear(self, order: tuple | None) -> tuple | None:
        """`order` of the first process, in all of them."""
        return broadcast_object_list([order])[0] if self._accelerator else order

    def _follow(self, order: tuple) -> list[tuple[str, str | None] | None]:
        """Do this process's part of `order`; what went wrong in each, as they must meet again whatever happens."""
        failure = None
        try:
            self._act(*order)
        except UserError as error:
            failure = (error.args[0], error.next)
        except Exception as error:
            if self._accelerator is None:
                raise
            failure = (f"a process of the evaluation failed: {type(error).__name__}: {error}", None)
        return gather_object([failure]) if self._accelerator else [failure]

    def _act(self, what: str, given: str | list[Shard] | None) -> None:
        if what == "make":
            rank, count = self._rank()
            make_shards(given[rank::count], self._embed, progress=self.first)
            return
        self._embed = None  # before the next one takes its memory
        if what == "load":
            self._embed = self._load(given, self._device)

    def _rank(self) -> tuple[int, int]:
        return (self._accelerator.process_index, self._accelerator.num_processes) if self._accelerator else (0, 1)


def _launched() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1
