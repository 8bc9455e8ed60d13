"""Measure the synthesis client beside what people write without it, and try what must not happen to it.

`python -m stages.synthesis_bench.run`. Server and clients are processes of their own, each on a core of its own. Ends
with one line for each bar: BAR <name> <figure> <bar> holds|short|not-run.
"""

import argparse
import sys
from pathlib import Path

from benching import table
from benching.bars import lines
from benching.csv_rows import append, check_header
from tqdm import tqdm

from stages.synthesis_bench import (
    bars,
    batch_case,
    core_case,
    faults_case,
    key_case,
    kills_case,
    latency_case,
    queue_case,
    rows,
)
from stages.synthesis_bench.processes import WrongResult
from stages.synthesis_bench.results import Options

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
    """Run the command line; 0, 1 if a client did not do what it is measured at, 2 if the command cannot be followed."""
    parser, given = _parse(arguments)
    if not Path("/proc/self/status").exists():
        parser.error("time and memory of other processes are read from /proc, which this system does not have")
    try:
        check_header(given.csv, rows.Row)  # before minutes are spent
        provenance = rows.provenance(given.distilabel)
    except ValueError as error:
        parser.error(str(error))

    figures, refusal = {}, None
    with tqdm(unit=" steps", bar_format="{desc} [{n_fmt} steps, {elapsed}]") as bar:
        options = Options(given.quick, given.whole, given.distilabel, provenance, lambda text: _step(bar, text))
        try:
            for name in [given.only] if given.only else CASES:
                result = CASES[name](options)
                bar.write(table.render(result) + "\n")
                figures |= result.figures
                if not given.quick:
                    append(given.csv, rows.Row, result.rows)
        except WrongResult as error:
            refusal = f"refused, no figure from a run that went wrong:\n{error}"
    if refusal:
        print(refusal, file=sys.stderr)
    else:
        print("quick: no rows written, no bar judged" if given.quick else f"rows added to {given.csv}")
    versions = ", ".join(f"{name} {provenance[name]}" for name in ("python", "openai", "aiohttp", "uvloop"))
    print(f"on {provenance['machine']}, {versions}")
    print("\n".join(lines(bars.BARS, figures)))
    return 1 if refusal else 0


def _step(bar: tqdm, text: str) -> None:
    bar.update()
    bar.set_description_str(text)


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
