"""What a case is given, and what it hands to the screen, the CSV file and the bars."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from stages.synthesis_bench.rows import Row, quantiles


class Options(NamedTuple):
    """Of one run of the bench."""

    quick: bool
    whole: bool  # the case queue goes to the end of its million requests
    distilabel: Path | None  # an interpreter that has it
    provenance: dict[str, str]
    step: Callable[[str], None]  # called with what is about to be done


class Result(NamedTuple):
    """Of one case."""

    title: str
    notes: list[str]
    table: list[Sequence[str]]  # lines of cells, the first with the headings
    rows: list[Row]
    figures: dict[str, float]  # by name of bar; empty where none may be judged


class Recorder:
    """Makes the rows of one case."""

    def __init__(self, options: Options, case: str, workload: str):
        self._fields = options.provenance | {"case": case, "workload": workload}
        self.rows: list[Row] = []

    def add(self, client: str, measure: str, *values: float, to_loop: float | None = None) -> None:
        """A row for `values`, one of each run."""
        given = {"client": client, "measure": measure, "to_loop": to_loop}
        self.rows.append(Row(**self._fields, **given, **quantiles(values)))


def scratch() -> AbstractContextManager[str]:
    """A folder for the requests, the ledgers and the logs of one case; $TMPDIR chooses the disk."""
    return TemporaryDirectory(prefix="synthesis-bench-")
