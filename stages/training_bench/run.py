"""Measure training and encoding beside sentence-transformers, with the same weights, texts, loss and optimizer.

`python -m stages.training_bench.run`. Every run is a process of its own, both sides in turn. Ends with one line for
each bar: BAR <name> <figure> <bar> holds|short|not-run.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from benching.csv_rows import check_header
from benching.loop import Step, about, run_cases
from benching.provenance import provenance
from benching.table import Result

from stages.training_bench import encode_case, gpu_case, train_case
from stages.training_bench.bars import BARS
from stages.training_bench.results import Options
from stages.training_bench.rows import PACKAGES, Row

CASES = {"train": train_case.run, "encode": encode_case.run, "gpu": gpu_case.run}
CSV = Path("reports/bench/training.csv")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, 1 if a case went wrong, 2 if the command cannot be followed, 130 after Ctrl-C."""
    parser, given = _parse(arguments)
    if not Path("/proc/self/status").exists():
        parser.error("memory is read from /proc, which this system does not have")
    try:
        check_header(given.csv, Row)  # before minutes are spent
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


def _case(name: str, given: argparse.Namespace, found: dict[str, str], step: Step) -> Result:
    return CASES[name](Options(given.quick, found, step))


def _parse(arguments: list[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        prog="python -m stages.training_bench.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", choices=tuple(CASES), metavar="CASE", help=f"one case alone: {', '.join(CASES)}")
    add("--quick", action="store_true", help="try it: few steps and texts, no rows written, no bar judged")
    add("--csv", type=Path, default=CSV, metavar="FILE", help="where rows are added; default: %(default)s")
    return parser, parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
