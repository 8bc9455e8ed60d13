"""Each measured run is a process of its own, so that time and memory are its own."""

import json
import subprocess
import sys
from dataclasses import asdict

from stages.training_bench.work import ROOT, Work


class WrongResult(Exception):
    """A run that did not do what it is measured at."""


def measured(client: str, task: str, work: Work) -> dict:
    """What `python -m stages.training_bench.<client> <task> <work>` says in the last line that it prints, in JSON.

    Raises WrongResult if it fails.
    """
    command = [sys.executable, "-m", f"stages.training_bench.{client}", task, json.dumps(asdict(work))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongResult(f"{client}, {task}, {work.precision}:\n{(done.stdout + done.stderr)[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
