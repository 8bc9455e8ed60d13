"""Each measured run is a process of its own, so that time and memory are its own. Memory is read from /proc."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

KILLED = -9


class WrongResult(Exception):
    """A run that did not do what it is measured at."""


def require(condition: bool, message: str) -> None:
    """Raise WrongResult unless it holds."""
    if not condition:
        raise WrongResult(message)


def said(module: str, given: dict, *, folder: Path, environment: Mapping[str, str] = os.environ) -> dict:
    """What `python -m <module> <given, as JSON>`, run in `folder`, says by `tell`. Raises WrongResult if it fails."""
    done = _run(module, given, folder, environment)
    if done.returncode:
        raise WrongResult(f"{module} {given}:\n{(done.stdout + done.stderr)[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def dies(module: str, given: dict, *, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
    """The same for a process that must end by `kill -9`. Raises WrongResult if it ends otherwise."""
    done = _run(module, given, folder, environment)
    ended = f"{module} {given} ended with {done.returncode}, not by a kill"
    require(done.returncode == KILLED, f"{ended}:\n{(done.stdout + done.stderr)[-2000:]}")


def tell(act: Callable[..., dict]) -> None:
    """In the process: call `act` with what `said` was given, and say what it returns."""
    print("\n" + json.dumps(act(**json.loads(sys.argv[1]))), flush=True)


def resident_mib() -> float:
    """The memory of this process that is resident now."""
    return _status_mib("VmRSS")


def peak_mib() -> float:
    """The most memory of this process that was resident at once."""
    return _status_mib("VmHWM")


def _status_mib(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1]) / 1024


def _run(module: str, given: dict, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, json.dumps(given)]
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
