"""Curves of a run: what is a property of its result through DVCLive, what is one of the machine beside the timings."""

import csv
import resource
from pathlib import Path

import torch
from accelerate import Accelerator
from dvclive import Live

CURVES = "reports/training"
MACHINE = Path("reports/timings/training_steps.csv")  # ignored by git and DVC: two runs never agree on these
FIELDS = ("step", "seconds", "tokens_per_second", "peak_mib")


class Health:
    """Within the block, `log` writes one step's rows; nothing is written but by the main process."""

    def __init__(self, accelerator: Accelerator, history: list[dict]):
        """`history` are the steps of a run that goes on, whose curves are written again."""
        self._accelerator, self._history, self._step = accelerator, list(history), len(history)

    def __enter__(self) -> "Health":
        if self._accelerator.is_main_process:
            self._live = Live(CURVES, save_dvc_exp=False, dvcyaml=None, report=None)
            self._live.__enter__()
            for row in self._history:
                self._curves(row)
            MACHINE.parent.mkdir(parents=True, exist_ok=True)
            self._file = MACHINE.open("a" if self._step and MACHINE.exists() else "w", newline="")
            self._writer = csv.writer(self._file, lineterminator="\n")
            if self._file.tell() == 0:
                self._writer.writerow(FIELDS)
        return self

    def log(self, row: dict, seconds: float) -> None:
        """One step's curves, and how fast it was: seconds, tokens per second of all processes, peak MiB of this one."""
        self._step += 1
        if self._accelerator.is_main_process:
            self._curves(row)
            rate = row["tokens"] / seconds
            self._writer.writerow([self._step, f"{seconds:.4f}", f"{rate:.1f}", f"{_peak_mib(self._accelerator):.0f}"])
            self._file.flush()

    def __exit__(self, kind, failure, traceback) -> None:
        if self._accelerator.is_main_process:
            self._file.close()
            self._live.__exit__(kind, failure, traceback)

    def _curves(self, row: dict) -> None:
        for name, value in row.items():
            self._live.log_metric(name, value)
        self._live.next_step()


def _peak_mib(accelerator: Accelerator) -> float:
    if accelerator.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
