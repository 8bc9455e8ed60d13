"""Compare two runs, sample by sample: B - A with 95% intervals and corrected p-values, in points.

RUN is `workspace`, a folder with evaluations, a git revision or a DVC experiment; `RUN:model` takes another model of it
than the trained one: untrained, tfidf, bm25, ... Only samples that both runs have are compared, and no task of which
the two have other data.
"""

import argparse
import sys

from stages.shared.errors import UserError

MODEL = "encoder"
FORMATS = ("text", "markdown", "csv", "json")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, or 1 when the runs cannot be compared."""
    given = _parser().parse_args(arguments)
    try:
        from stages.evaluation.compare.comparison import compare
        from stages.evaluation.compare.formats import render, warnings
        from stages.evaluation.compare.runs import read_run

        runs = [read_run(text, given.model) for text in (given.first, given.second)]
        comparison = compare(*runs, resamples=given.resamples)
        print(render(comparison, given.format), end="")
        if given.format == "csv":  # which has no place for them
            for warning in warnings(comparison):
                print(f"warning: compare: {warning}", file=sys.stderr)
    except UserError as error:
        print(f"error: compare: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stages.evaluation.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", metavar="RUN_A", help="for example workspace:tfidf")
    parser.add_argument("second", metavar="RUN_B", help="for example my-experiment")
    parser.add_argument("--model", default=MODEL, help=f"the model of a RUN that names none (default: {MODEL})")
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--resamples", type=_resamples, default=2_000, metavar="N", help="(default: 2000)")
    return parser


def _resamples(text: str) -> int:
    if not text.isdecimal() or int(text) < 100:
        raise argparse.ArgumentTypeError(f"given {text!r}, must be a number of at least 100")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
