"""One process at a time asks a model through a ledger, so that concurrent runs never pay for the same answer twice."""

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm


@contextmanager
def turn(ledger: Path, model: str) -> Iterator[None]:
    """Hold the right to ask `model`; wait for it while another process has it. Its death gives the right back."""
    name = hashlib.sha256(model.encode()).hexdigest()[:8]
    with Path(f"{ledger}.{name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read() or "unknown"
            tqdm.write(
                f"LLM: process {holder} is asking {model} through the same ledger; waiting for it, then going on from "
                "what it has paid for",
                sys.stderr,
            )
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
