"""Keep the data of mteb's tasks in one folder, laid out as on the Hugging Face Hub, for evaluation without a network.

`pull` fetches them at the revisions that mteb pins; `evaluation.mirror` in the profile names the folder.
"""

import argparse
import errno
import os
import sys
from pathlib import Path

from stages.evaluation.mirror.lock import COMMAND
from stages.shared.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, or 1 when something is missing, differs or cannot be done."""
    given = _parser().parse_args(arguments)
    try:
        return given.run(given)
    except UserError as error:
        print(f"error: mirror: {error}", file=sys.stderr)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = f"no space left for {error.filename or given.folder}" if full else str(error)
        advice = "free some and run the same command again" if full else "see whether it may be read and written here"
        print(f"error: mirror: {what}\n  next: {advice}; what is there is kept", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nmirror: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 1


def _pull(given: argparse.Namespace) -> int:
    from stages.evaluation.mirror.choices import chosen
    from stages.evaluation.mirror.needs import needed
    from stages.evaluation.mirror.pull import pull

    needs = needed(chosen(given.task))
    if failed := pull(given.folder, needs):
        print(f"error: mirror: {len(failed)} of {len(needs)} data sets failed", file=sys.stderr)
        print("\n".join(f"  {line}" for line in failed), file=sys.stderr)
        print("  next: run the same command again; what is there is kept", file=sys.stderr)
    return 1 if failed else 0


def _lock(given: argparse.Namespace) -> int:
    from stages.evaluation.mirror.adopt import adopt
    from stages.evaluation.mirror.choices import chosen
    from stages.evaluation.mirror.needs import needed

    refused = adopt(given.folder, needed(chosen(given.task)))
    for line in refused:
        print(f"not locked: {line}", file=sys.stderr)
    print(f"next: {COMMAND} verify {given.folder}")
    return 1 if refused else 0


def _verify(given: argparse.Namespace) -> int:
    from stages.evaluation.mirror.verify import verify

    return 0 if verify(given.folder, given.task, statistics=not given.files_only).good else 1


def _list(given: argparse.Namespace) -> int:
    from stages.evaluation.mirror.table import table

    print(table(given.folder))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    tasks = {
        "pull": (_pull, "fetch what the tasks need; goes on where it was stopped"),
        "lock": (_lock, "write the lock of a folder that was filled by hand or copied without one"),
        "verify": (_verify, "compare files with the lock, and data with the statistics that mteb ships"),
        "list": (_list, "show which tasks the mirror serves, and whether their files are there"),
    }
    for name, (run, text) in tasks.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        command.add_argument("folder", type=Path, metavar="FOLDER", help="the mirror: FOLDER/<org>/<name>/...")
        command.set_defaults(run=run)
        if name in ("pull", "lock"):
            command.add_argument(
                "--task",
                nargs="+",
                metavar="NAME",
                help="tasks or benchmarks of mteb instead of the profile's; NAME:SUBSET,SUBSET for some languages",
            )
        if name == "verify":
            command.add_argument("--task", nargs="+", metavar="NAME", help="these tasks or benchmarks alone")
            command.add_argument("--files-only", action="store_true", help="skip the statistics, which read all data")
    return parser


if __name__ == "__main__":
    # The folder's name is all that the other commands need; the packages read these when they are imported.
    if sys.argv[1:2] != ["pull"]:
        os.environ.update({"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"})
    sys.exit(main())
