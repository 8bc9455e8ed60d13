"""Where an exported model comes from: commit, dvc.lock, packages."""

import hashlib
import os
import subprocess
from importlib.metadata import version
from pathlib import Path

LOCK = Path("dvc.lock")
PACKAGES = ("torch", "transformers", "sentence-transformers", "peft", "mteb")


def provenance() -> dict[str, str]:
    """By name: the commit, the start of the SHA-256 of dvc.lock, and versions; "unknown" where there is none."""
    versions = {name: version(name).split("+")[0] for name in PACKAGES}  # without the build tag: +cpu, +cu130
    return {"commit": _commit(), "dvc.lock": _lock(), **versions}


def _commit() -> str:
    head = _git("rev-parse", "HEAD")
    if head is None:
        return "unknown"
    return head[:12] + ("-dirty" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str | None:
    """What git prints; None where there is no git, or no repository."""
    try:
        # Without its optional locks a look does not get in the way of who works in the same tree.
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _lock() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12] if LOCK.exists() else "unknown"
