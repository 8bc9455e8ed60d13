"""accelerate's launcher, quiet: its processes have told what went wrong, and its own tracebacks would bury that.

`python -m stages.shared.launcher <options of accelerate launch>`; `stages.shared.launch` calls it so.
"""

import logging
import signal
import sys

from accelerate.commands.launch import main as launch
from torch.distributed.elastic.agent.server import api as agent
from torch.distributed.elastic.multiprocessing import api as processes
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError


def main() -> None:
    """Launch as the command line says; exit as the process did that failed first, or as the signal asked."""
    for module in (agent, processes):
        module.logger.setLevel(logging.CRITICAL)
    try:
        launch()
    except processes.SignalException as stopped:
        sys.exit(128 + stopped.sigval)
    except ChildFailedError as failed:
        first, cause = failed.get_first_failure()
        for rank, process in failed.failures.items():
            # What was killed could tell nothing itself; after the first failure the launcher sends SIGTERM to the rest.
            if process.exitcode < 0 and (rank == first or process.exitcode != -signal.SIGTERM):
                print(f"error: process {rank} was ended by {process.signal_name()}", file=sys.stderr)
        sys.exit(cause.exitcode if cause.exitcode > 0 else 128 - cause.exitcode)


if __name__ == "__main__":
    main()
