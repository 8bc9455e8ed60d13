"""How a stage starts and ends: settings, fixed arithmetic, wall time, and errors a person can act on."""

import argparse
import errno
import resource
import sys
import time
from collections.abc import Callable

from stages.shared import runtime
from stages.shared.errors import UserError
from stages.shared.files import write_json
from stages.shared.settings import Settings, load_settings

TIMINGS = "reports/timings"  # ignored by git and DVC: how long a stage took is no property of its result


def run_stage(
    main: Callable[[Settings], None], name: str, description: str, plan: Callable[[Settings], None] | None = None
) -> None:
    """Run `main` as the stage `name`. Exits with 1 and one clear message on a UserError, with 130 on Ctrl-C.

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
        sys.exit(f"error: {name}: {error}")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(
            f"error: {name}: no space left for {error.filename or 'the output'}\n  next: free some and run "
            "`dvc repro` again; answers already paid for are kept."
        )
    except KeyboardInterrupt:
        print(f"\n{name}: stopped; `dvc repro` goes on from here.", file=sys.stderr)
        sys.exit(130)


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
