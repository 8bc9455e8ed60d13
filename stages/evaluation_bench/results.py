"""What a case is given, and how it makes its rows."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benching.csv_rows import quantiles
from benching.table import Result

from stages.evaluation_bench.rows import Row

NO_MIRROR = "no --mirror FOLDER; `python -m stages.evaluation.mirror pull FOLDER --task NAME ...` makes one"


class Options(NamedTuple):
    """Of one run of the bench."""

    quick: bool
    mirror: Path | None  # of mteb's data, with its lock
    provenance: dict[str, str]
    step: Callable[[str], None]  # called with what is about to be done


class Recorder:
    """Makes the rows of one case."""

    def __init__(self, options: Options, case: str, workload: str):
        self._fields = options.provenance | {"case": case, "workload": workload}
        self.rows: list[Row] = []

    def add(self, measure: str, *values: float, client: str = "ours", to_peer: float | None = None) -> Row:
        """A row for `values`, one of each run, which is also kept."""
        self.rows.append(Row(**self._fields, client=client, measure=measure, **quantiles(values), to_peer=to_peer))
        return self.rows[-1]


def scratch() -> AbstractContextManager[str]:
    """A folder for the data of one case; $TMPDIR chooses the disk."""
    return TemporaryDirectory(prefix="evaluation-bench-")


def not_run(case: str, reason: str, figures: dict[str, str]) -> Result:
    """Without figures; `figures` says what they would be."""
    return Result(f"{case}: not run, {reason}", [], [("figure", "what it is"), *figures.items()], [], {})
