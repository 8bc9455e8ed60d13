"""Measure the evaluation: exported models, mteb's scores, stops, intervals, speed and memory.

`python -m stages.evaluation_bench.run`. What is measured runs in processes of its own. Ends with one line for each bar:
BAR <name> <figure> <bar> holds|short|not-run.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from benching.csv_rows import check_header
from benching.loop import Step, about, run_cases
from benching.provenance import provenance
from benching.table import Result

from stages.evaluation_bench import (
    coverage_case,
    export_case,
    identical_case,
    million_case,
    resume_case,
    speed_case,
    types_case,
)
from stages.evaluation_bench.bars import BARS
from stages.evaluation_bench.results import Options
from stages.evaluation_bench.rows import PACKAGES, Row

CASES = {
    "export": export_case.run,
    "types": types_case.run,
    "identical": identical_case.run,
    "resume": resume_case.run,
    "coverage": coverage_case.run,
    "speed": speed_case.run,
    "million": million_case.run,
}
CSV = Path("reports/bench/evaluation.csv")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, 1 if a case went wrong, 2 if the command cannot be followed, 130 after Ctrl-C."""
    parser, given = _parse(arguments)
    if not Path("/proc/self/status").exists():
        parser.error("memory is read from /proc, which this system does not have")
    try:
        check_header(given.csv, Row)  # before minutes are spent
        if given.mirror:
            check_mirror(given.mirror)
    except ValueError as error:
        parser.error(str(error))
    found = provenance(PACKAGES)
    return run_cases(
        {name: partial(_case, name, given, found) for name in ([given.only] if given.only else CASES)},
        bars=BARS,
        row=Row,
        csv=None if given.quick else given.csv,
        about=about(found, PACKAGES),
    )


def check_mirror(folder: Path) -> None:
    """Raise ValueError if `folder` has no lock that can be read."""
    from stages.evaluation.mirror.lock import read_lock
    from stages.shared.errors import UserError

    try:
        read_lock(folder)
    except UserError as error:
        raise ValueError(str(error)) from error


def _case(name: str, given: argparse.Namespace, found: dict[str, str], step: Step) -> Result:
    return CASES[name](Options(given.quick, given.mirror and given.mirror.absolute(), found, step))


def _parse(arguments: list[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        prog="python -m stages.evaluation_bench.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", choices=tuple(CASES), metavar="CASE", help=f"one case alone: {', '.join(CASES)}")
    add("--quick", action="store_true", help="try it: all of it small, no rows written, no bar judged")
    add("--csv", type=Path, default=CSV, metavar="FILE", help="where rows are added; default: %(default)s")
    add(
        "--mirror",
        type=Path,
        metavar="FOLDER",
        help="data of mteb's tasks with their lock, as `python -m stages.evaluation.mirror pull` leaves them; without "
        "it types and speed are not run",
    )
    return parser, parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
