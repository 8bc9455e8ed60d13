"""Measure training and encoding beside sentence-transformers, with the same weights, texts, loss and optimizer.

`python -m stages.training_bench.run`. Every run is a process of its own, both sides in turn. Ends with one line for
each bar: BAR <name> <figure> <bar> holds|short|not-run.
"""

import argparse
import sys
from pathlib import Path

from benching import table
from benching.bars import lines
from benching.csv_rows import append, check_header
from tqdm import tqdm

from stages.training_bench import bars, encode_case, gpu_case, rows, train_case
from stages.training_bench.processes import WrongResult
from stages.training_bench.results import Options

CASES = {"train": train_case.run, "encode": encode_case.run, "gpu": gpu_case.run}
CSV = Path("reports/bench/training.csv")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, 1 if a run did not do what it is measured at, 2 if the command cannot be followed."""
    parser, given = _parse(arguments)
    if not Path("/proc/self/status").exists():
        parser.error("memory is read from /proc, which this system does not have")
    try:
        check_header(given.csv, rows.Row)  # before minutes are spent
    except ValueError as error:
        parser.error(str(error))

    provenance, figures, refusal = rows.provenance(), {}, None
    with tqdm(unit=" steps", bar_format="{desc} [{n_fmt} steps, {elapsed}]") as bar:
        options = Options(given.quick, provenance, lambda text: _step(bar, text))
        try:
            for name in [given.only] if given.only else CASES:
                result = CASES[name](options)
                bar.write(table.render(result) + "\n")
                figures |= result.figures
                if not given.quick and result.rows:
                    append(given.csv, rows.Row, result.rows)
        except WrongResult as error:
            refusal = f"refused, no figure from a run that went wrong:\n{error}"
    if refusal:
        print(refusal, file=sys.stderr)
    else:
        print("quick: no rows written, no bar judged" if given.quick else f"rows added to {given.csv}")
    versions = ", ".join(f"{name} {provenance[name]}" for name in ("python", *rows.PACKAGES))
    print(f"on {provenance['machine']}, {versions}")
    print("\n".join(lines(bars.BARS, figures)))
    return 1 if refusal else 0


def _step(bar: tqdm, text: str) -> None:
    bar.update()
    bar.set_description_str(text)


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
