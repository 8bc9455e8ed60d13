"""What a case is given, and how it makes its rows."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benching.csv_rows import quantiles

from stages.synthesis_bench.rows import Row


class Options(NamedTuple):
    """Of one run of the bench."""

    quick: bool
    whole: bool  # the case queue goes to the end of its million requests
    distilabel: Path | None  # an interpreter that has it
    provenance: dict[str, str]
    step: Callable[[str], None]  # called with what is about to be done


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
