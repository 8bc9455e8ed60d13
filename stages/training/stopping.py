"""SIGTERM and Ctrl-C end training after the step under way, with a checkpoint; a second one ends it at once."""

import signal
from types import FrameType

from accelerate import Accelerator

SIGNALS = (signal.SIGTERM, signal.SIGINT)


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
        self.received = number
        self._accelerator.set_trigger()
        self._give_back()

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
