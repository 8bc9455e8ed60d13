"""Have the samples' requests answered in files of the Batch API's format, by `vllm run-batch` or by hand.

`write FILE`, then `vllm run-batch -i FILE -o OUT --model MODEL`, then `take OUT`, and again until `write` finds nothing
wanted: answers that fail the checks are asked anew. Neither a key nor the network is needed. With `synthesis.mode:
batch` the stage does all this itself through a server's Batch API; `status` lists what it has submitted.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

from stages.llm.batch_files import Outputs, read_line, take, wanted, write_files
from stages.llm.batch_folder import BatchFolder
from stages.llm.command_line import run_command
from stages.llm.endpoint import open_endpoint
from stages.llm.failures import Passing, Server
from stages.llm.ledger import Ledger, ledger_path
from stages.llm.requests import Answer, ChatBody, chat_bodies
from stages.shared.errors import UserError
from stages.shared.settings import Llm, load_settings
from stages.synthesis.jobs import SynthesisJobs


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, or 1 when a line is malformed or something cannot be done."""
    return run_command(_parser(), arguments, "batch")


class _Work(NamedTuple):
    jobs: SynthesisJobs
    model: str
    llm: Llm
    ledger: Ledger


@contextmanager
def _opened() -> Iterator[_Work]:
    profile = load_settings().profile
    with Ledger() as ledger, open_endpoint(profile.llm.endpoint, replay=True) as endpoint:
        yield _Work(SynthesisJobs(profile), endpoint.model, profile.llm, ledger)


def _write(given: argparse.Namespace) -> int:
    numbers = count(1)
    with _opened() as work:
        if under_way := BatchFolder(work.ledger.path).unfinished(work.model):
            print(
                f"note: {sum(batch.requests for batch in under_way):,} requests are in batches that `status` lists; "
                "they are written again",
                file=sys.stderr,
            )
        bodies = wanted(work.jobs, work.model, work.llm, work.ledger)
        files = list(write_files(bodies, lambda: _numbered(given.file, next(numbers))))
        if not files:
            print(f"nothing is wanted of {work.model}: all {len(work.jobs):,} requests are answered")
            return 0
    paths = [file.path for file in files]
    if len(paths) == 1:
        paths = [paths[0].replace(given.file)]
    for path, file in zip(paths, files, strict=True):
        print(f"{path}: {file.requests:,} requests of {work.model}")
    print(f"next: `vllm run-batch -i {paths[0]} -o OUT --model {work.model}`, then `{_PROGRAM} take OUT`")
    return 0


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number:04}{path.suffix}")


def _take(given: argparse.Namespace) -> int:
    with _opened() as work, Outputs(given.files) as outputs:
        lines = len(outputs)
        taken = take(_asked(work, outputs), outputs, lambda line: _read(line, work.model), work.ledger)
        malformed, unasked = outputs.malformed, len(outputs)
    print(
        f"{work.ledger.path}: {taken.new:,} answers added, {taken.there:,} were there, "
        f"{taken.failures.total():,} unusable, {unasked:,} to requests that this profile does not ask"
    )
    for kind, number in sorted(taken.failures.items()):
        print(f"unusable: {number:,} {kind}, the last: {taken.details[kind]}", file=sys.stderr)
    print("\n".join(malformed[:20]), file=sys.stderr, end="\n" * bool(malformed))
    if lines and unasked == lines:
        raise UserError(
            f"none of {lines:,} lines answers a request of {work.model} in this profile",
            next="take them with the profile, prompts and model with which the requests were written",
        )
    return 1 if malformed else 0


def _asked(work: _Work, outputs: Outputs) -> Iterator[ChatBody]:
    """Every request that may have been asked, as long as there are lines left to match."""
    for job in work.jobs:
        for attempt in range(job.tries):
            if not len(outputs):
                return
            yield from chat_bodies(job.request(attempt), work.model, work.llm)


def _read(line: dict, model: str) -> Answer:
    """The answer in `line`, if `model` wrote it. Raises Passing or UserError."""
    answer = read_line(line, Server("in the file", model, None))
    body = line["response"].get("body")
    named = body.get("model") if isinstance(body, dict) else None
    # Providers add a date to the name that was asked for.
    if isinstance(named, str) and named and not named.startswith(model):
        raise Passing("other_model", f"answered by {named}, not by {model}")
    return answer


def _status(_: argparse.Namespace) -> int:
    folder = BatchFolder(ledger_path())
    batches = list(folder)
    for batch in batches:
        of = f"{batch.requests:,} requests of {batch.model} at {batch.base_url}"
        print(f"{batch.id or '(no id yet)'}: {batch.state}, {of}")
    if not batches:
        print(f"{folder.path}: no batches")
    return 0


_PROGRAM = "python -m stages.synthesis.batch"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    write = commands.add_parser("write", help="write the requests that are still wanted to a file, or several")
    write.add_argument("file", type=Path, metavar="FILE", help="JSONL; over the limits FILE-0001, FILE-0002, ...")
    write.set_defaults(run=_write)
    take_ = commands.add_parser("take", help="put the answers of output files into the ledger")
    take_.add_argument("files", type=Path, nargs="+", metavar="FILE", help="output of a batch or of `vllm run-batch`")
    take_.set_defaults(run=_take)
    status = commands.add_parser("status", help="list the batches known beside the ledger")
    status.set_defaults(run=_status)
    return parser


if __name__ == "__main__":
    sys.exit(main())
