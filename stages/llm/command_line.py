"""How the commands around the ledger end: 0 or 1, and one clear message."""

import argparse
import sqlite3
import sys

from stages.shared.errors import UserError


def run_command(parser: argparse.ArgumentParser, arguments: list[str] | None, name: str) -> int:
    """Parse `arguments` and call the command's `run`, which returns the exit status."""
    given = parser.parse_args(arguments)
    try:
        return given.run(given)
    except UserError as error:
        print(f"error: {name}: {error}", file=sys.stderr)
    except (OSError, sqlite3.Error) as error:
        print(f"error: {name}: {error}\n  next: see whether the file may be read and written here", file=sys.stderr)
    return 1
