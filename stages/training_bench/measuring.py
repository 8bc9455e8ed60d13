"""The clock and the memory of a process that trains. Needs /proc."""

import time
from contextlib import suppress
from pathlib import Path

from benching.processes import peak_mib, resident_mib

LEAST_PEAK = "5"  # what proc(5) wants in clear_refs to make the peak what is resident now


class Meter:
    """Seconds of each step, and the resident memory before the first and at the peak."""

    def __init__(self):
        """Begins now: the first step comes next."""
        with suppress(OSError):  # then the peak is that of the whole process, which loading a model does not reach
            Path("/proc/self/clear_refs").write_text(LEAST_PEAK)
        self.before_mib = resident_mib()
        self._ends = [time.perf_counter()]

    def step(self) -> None:
        """A step has ended."""
        self._ends.append(time.perf_counter())

    def said(self, untimed: int) -> dict[str, float]:
        """Steps per second after the first `untimed` ones, and memory up to now in MiB."""
        timed = len(self._ends) - 1 - untimed
        return {
            "steps_per_second": timed / (self._ends[-1] - self._ends[untimed]),
            "before_mib": self.before_mib,
            "peak_mib": peak_mib(),
        }
