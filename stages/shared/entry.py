"""How a stage starts and ends: settings, fixed arithmetic, wall time, and errors a person can act on."""

import argparse
import errno
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from stages.shared import runtime
from stages.shared.errors import UserError
from stages.shared.files import write_json
from stages.shared.settings import Settings, load_settings

TIMINGS = "reports/timings"  # ignored by git and DVC: how long a stage took is no property of its result


def run_stage(
    main: Callable[[Settings], None], name: str, description: str, plan: Callable[[Settings], None] | None = None
) -> None:
    """Run `main` as the stage `name`. Exits with 1 and one clear message on a UserError, with 130 on Ctrl-C.

    Of the processes that a launcher has started, the first one that ends so tells it for all of them.

    With `plan` the command line has `--plan`, which runs that instead: it tells what the stage would cost.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m stages.{name}",
        description=description,
        epilog="Settings come from params.yaml and profiles/<profile>.yaml; `dvc repro` runs all stages in order.",
    )
    if plan is not None:
        parser.add_argument("--plan", action="store_true", help="say what it would take and cost, without doing it")
    given = parser.parse_args()
    started = time.monotonic()
    try:
        settings = load_settings()
        runtime.pin(settings.profile.runtime)
        if plan is not None and given.plan:
            plan(settings)
            return
        main(settings)
        write_json(f"{TIMINGS}/{name}.json", {"seconds": time.monotonic() - started, "peak_mib": _peak_mib()})
    except UserError as error:
        _end(f"error: {name}: {error}", 1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        file = error.filename or "the output"
        advice = "free some and run `dvc repro` again; answers already paid for are kept."
        _end(f"error: {name}: no space left for {file}\n  next: {advice}", 1)
    except KeyboardInterrupt:
        _end(f"\n{name}: stopped; `dvc repro` goes on from here.", 130)
    except Exception:
        told = _told()
        if told and told.exists():  # a process whose partner has ended fails in their next exchange: that is no news
            sys.exit(1)
        raise


def _end(message: str, status: int) -> NoReturn:
    """Exit, with `message` unless another process of the same launcher has told its own: most errors meet them all."""
    told = _told()
    try:
        if told:
            told.touch(exist_ok=False)
        print(message, file=sys.stderr, flush=True)
    except FileExistsError:
        pass
    sys.exit(status)


def _told() -> Path | None:
    """The mark of the process that has told; torchrun has a folder for a run, and in it one for each process."""
    error_file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    return Path(error_file).parents[1] / "told" if error_file else None


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
