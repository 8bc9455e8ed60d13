"""What the server's log tells: each line is what happened and the key of the request, in the order of happening."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from stages.synthesis_bench.faults import ANSWERED

SENT = frozenset({"answered", *ANSWERED})
"""Lines after which the client may have an answer."""


def read_log(path: Path, start: int = 0) -> Iterator[tuple[str, str]]:
    """Pairs of what happened and the request's key, from the byte `start` on; a line under way is left out."""
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if line.endswith(b"\n"):
                what, key = line.decode().split()
                yield what, key


def asked(path: Path, start: int = 0) -> Counter[str]:
    """How often each request was asked."""
    return Counter(key for what, key in read_log(path, start) if what == "asked")


def sent(path: Path, start: int = 0) -> set[str]:
    """Requests to which an answer was sent whole."""
    return {key for what, key in read_log(path, start) if what in SENT}
