"""What a case is given."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from tempfile import TemporaryDirectory
from typing import NamedTuple


class Options(NamedTuple):
    """Of one run of the bench."""

    quick: bool
    provenance: dict[str, str]
    step: Callable[[str], None]  # called with what is about to be done


def scratch() -> AbstractContextManager[str]:
    """A folder for the data of one case; $TMPDIR chooses the disk."""
    return TemporaryDirectory(prefix="training-bench-")
