"""Measure the synthesis client beside what people write without it, and try what must not happen to it.

`python -m stages.synthesis_bench.run`. Server and clients are processes of their own, each on a core of its own. Ends
with one line for each bar: BAR <name> <figure> <bar> holds|short|not-run.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from benching.csv_rows import check_header
from benching.loop import Step, about, run_cases
from benching.provenance import provenance
from benching.table import Result

from stages.synthesis_bench import (
    batch_case,
    core_case,
    faults_case,
    key_case,
    kills_case,
    latency_case,
    queue_case,
)
from stages.synthesis_bench.bars import BARS
from stages.synthesis_bench.results import Options
from stages.synthesis_bench.rows import PACKAGES, Row, distilabel_version

CASES = {
    "latency": latency_case.run,
    "core": core_case.run,
    "queue": queue_case.run,
    "kills": kills_case.run,
    "faults": faults_case.run,
    "key": key_case.run,
    "batch": batch_case.run,
}
CSV = Path("reports/bench/synthesis.csv")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, 1 if a case went wrong, 2 if the command cannot be followed, 130 after Ctrl-C."""
    parser, given = _parse(arguments)
    if not Path("/proc/self/status").exists():
        parser.error("time and memory of other processes are read from /proc, which this system does not have")
    try:
        check_header(given.csv, Row)  # before minutes are spent
        found = provenance(PACKAGES) | {"distilabel": distilabel_version(given.distilabel) if given.distilabel else ""}
    except ValueError as error:
        parser.error(str(error))
    return run_cases(
        {name: partial(_case, name, given, found) for name in ([given.only] if given.only else CASES)},
        bars=BARS,
        row=Row,
        csv=None if given.quick else given.csv,
        about=about(found, PACKAGES),
    )


def _case(name: str, given: argparse.Namespace, found: dict[str, str], step: Step) -> Result:
    return CASES[name](Options(given.quick, given.whole, given.distilabel, found, step))


def _parse(arguments: list[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        prog="python -m stages.synthesis_bench.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", choices=tuple(CASES), metavar="CASE", help=f"one case alone: {', '.join(CASES)}")
    add("--quick", action="store_true", help="try it: few requests, no rows written, no bar judged")
    add(
        "--whole",
        action="store_true",
        help="the case queue answers all of its million requests: a quarter of an hour, 8 GiB",
    )
    add(
        "--distilabel",
        type=Path,
        metavar="PYTHON",
        help="an interpreter with distilabel, to compare with: of a virtual environment of its own, after `pip install "
        "'distilabel[openai]==1.5.3' requests` and the openai version of this one",
    )
    add("--csv", type=Path, default=CSV, metavar="FILE", help="where rows are added; default: %(default)s")
    return parser, parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
