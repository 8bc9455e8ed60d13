"""Where figures come from: the fields of a row that are the same for a whole run of a bench."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from benching.csv_rows import commit, processor


def provenance(packages: Sequence[str]) -> dict[str, str]:
    """Date, machine, and the versions of Python, of `packages` and of this checkout."""
    found = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    found |= {"python": platform.python_version()} | {name: version(name) for name in packages}
    return found | {"commit": commit()}


def machine() -> str:
    """The processor's name and the cores that may be used."""
    return f"{processor()}, {len(os.sched_getaffinity(0))} cores"
