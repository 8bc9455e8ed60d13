"""What a case is given, and what it hands to the screen, the CSV file and the bars."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from tempfile import TemporaryDirectory
from typing import NamedTuple

from stages.training_bench.rows import Row


class Options(NamedTuple):
    """Of one run of the bench."""

    quick: bool
    provenance: dict[str, str]
    step: Callable[[str], None]  # called with what is about to be done


class Result(NamedTuple):
    """Of one case."""

    title: str
    notes: list[str]
    table: list[Sequence[str]]  # lines of cells, the first with the headings
    rows: list[Row]
    figures: dict[str, float]  # by name of bar; empty where none may be judged


def scratch() -> AbstractContextManager[str]:
    """A folder for the data of one case; $TMPDIR chooses the disk."""
    return TemporaryDirectory(prefix="training-bench-")
