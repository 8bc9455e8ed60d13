"""SIGTERM and Ctrl-C end training after the step under way, with a checkpoint; a later one ends it at once.

A launcher hands on to all processes what a cluster has sent each of them already: for a while, repeats are not counted.
"""

import signal
import time
from types import FrameType

from accelerate import Accelerator

SIGNALS = (signal.SIGTERM, signal.SIGINT)
REPEATS = 5.0  # seconds


class Stopping:
    """Within the block, remembers the first signal that any process got."""

    def __init__(self, accelerator: Accelerator):
        self._accelerator, self.received = accelerator, None

    def __enter__(self) -> "Stopping":
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        self._give_back()

    def asked(self) -> bool:
        """Whether to stop now; all processes call it at the same step and get the same answer."""
        return self._accelerator.check_trigger()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received is None:
            self.received, self._since = number, time.monotonic()
            self._accelerator.set_trigger()
        elif time.monotonic() - self._since > REPEATS:
            self._give_back()
            signal.raise_signal(number)

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
