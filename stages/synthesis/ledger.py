"""Look into the ledger of paid answers, take it to another machine, check it.

$MGH_LEDGER names the file; without it, it lies in your cache folder.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

from tqdm import tqdm

from stages.llm import ledger_files
from stages.llm.account import cost
from stages.llm.command_line import run_command
from stages.llm.ledger import Ledger, ledger_path
from stages.llm.requests import NO_ANSWER
from stages.shared.errors import UserError
from stages.shared.settings import load_settings


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, or 1 when something is damaged, refused or cannot be done."""
    return run_command(_parser(), arguments, "ledger")


def _list(_: argparse.Namespace) -> int:
    prices = load_settings().profile.llm.prices
    with Ledger() as ledger:
        answers, tokens, dollars = defaultdict(int), defaultdict(lambda: [0, 0]), defaultdict(float)
        for row in tqdm(ledger.rows(), total=len(ledger), unit=" answers", disable=None, leave=False):
            answers[row.model] += 1
            tokens[row.model][0] += row.answer.prompt_tokens
            tokens[row.model][1] += row.answer.completion_tokens
            dollars[row.model] += cost(prices.get(row.model), row.answer)
        size = ledger.path.stat().st_size / 2**20
        print(f"{ledger.path}: {len(ledger):,} answers, {size:.1f} MiB, {ledger.damaged()} damaged set aside")
        wide = max([len(model) for model in answers], default=0) + 2
        if answers:
            print(f"{'model':{wide}}{'answers':>12}{'prompt tokens':>16}{'completion':>14}{'dollars':>12}")
        for model, count in sorted(answers.items()):
            spent = f"{dollars[model]:,.2f}" if model in prices else "no price"
            print(f"{model:{wide}}{count:12,}{tokens[model][0]:16,}{tokens[model][1]:14,}{spent:>12}")
    return 0


def _export(given: argparse.Namespace) -> int:
    with Ledger() as ledger:
        count = ledger_files.export_rows(ledger, given.file, given.model)
        print(f"{given.file}: {count:,} answers written")
        if given.model and not count:
            print(f"there is none of model {given.model}; `list` shows the models", file=sys.stderr)
    return 0


def _import(given: argparse.Namespace) -> int:
    with Ledger() as ledger:
        result = ledger_files.import_rows(ledger, given.file)
        print(
            f"{ledger.path}: {result.new:,} answers added, {result.there:,} were there, {len(result.refused):,} refused"
        )
    print(
        "\n".join(f"{given.file}: {line}" for line in result.refused[:20]),
        file=sys.stderr,
        end="\n" * bool(result.refused),
    )
    return 1 if result.refused else 0


def _verify(_: argparse.Namespace) -> int:
    with Ledger() as ledger:
        found = list(ledger_files.verify_rows(ledger))
        for row, damage in found:
            ledger.set_aside(row, damage)
        print(f"{ledger.path}: {len(ledger):,} answers are as they were paid, {len(found):,} damaged")
    if found:
        print("  next: run `dvc repro`, which asks the damaged ones anew, or import them from a copy")
    return 1 if found else 0


def _forget(_: argparse.Namespace) -> int:
    with Ledger() as ledger:
        print(f"{ledger.path}: {ledger.forget(NO_ANSWER):,} requests without an answer are asked again by the next run")
    return 0


def _upgrade(_: argparse.Namespace) -> int:
    path = ledger_path()
    if not path.exists():
        raise UserError(
            f"{path} does not exist", next="there is nothing to upgrade; a new one is made when it is needed"
        )
    print(f"{path}: {ledger_files.upgrade(path):,} answers; the old file is kept as {path}.schema1")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stages.synthesis.ledger", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("list", _list, "answers, tokens and dollars by model"),
        ("export", _export, "write the answers to a JSONL file"),
        ("import", _import, "add the answers of a JSONL file"),
        ("verify", _verify, "recompute every key and checksum; set damaged answers aside"),
        ("forget", _forget, "have the requests at which the server always failed asked again"),
        ("upgrade", _upgrade, "bring a ledger of an older version to the present schema"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        if name in ("export", "import"):
            command.add_argument("file", type=Path, metavar="FILE")
        if name == "export":
            command.add_argument("--model", help="only the answers of this model")
    return parser


if __name__ == "__main__":
    sys.exit(main())
