"""A whole training run: resume, steps, curves, checkpoints, copies for the curve of score over steps."""

import signal
import sys
import time
from collections.abc import Callable

from tqdm import tqdm

from stages.encoder import Encoder
from stages.shared.records import BUCKETS
from stages.shared.settings import Settings
from stages.training.checkpoints import Checkpoints
from stages.training.copies import collect_copies, copy_name, copy_steps
from stages.training.export import save_copy
from stages.training.health import Health
from stages.training.schedule import Schedule
from stages.training.stopping import Stopping
from stages.training.trainer import Trainer

LAST = 20  # steps over which the final metrics are averaged


def train(trainer: Trainer, settings: Settings, run: dict, build: Callable[[], Encoder]) -> tuple[dict, Checkpoints]:
    """Take all steps; return the final metrics, and the checkpoints to clear once the encoder is saved.

    Goes on from this run's last checkpoint, if there is one. SIGTERM and Ctrl-C end it with a checkpoint and raise
    SystemExit or KeyboardInterrupt. `run` is all that shapes the weights (see Checkpoints), `build` makes an encoder
    like the one that `trainer` took over.
    """
    options, accelerator, schedule = settings.profile.training, trainer.accelerator, trainer.schedule
    checkpoints = Checkpoints(accelerator, run)
    progress = checkpoints.restore()
    start, history = (progress["step"], progress["history"]) if progress else (0, [])
    if accelerator.is_main_process:
        _tell(trainer, settings, checkpoints, start)
    copies, kept = checkpoints.folder / "curve", copy_steps(options)
    with (
        Health(accelerator, history) as health,
        Stopping(accelerator) as stopping,
        tqdm(
            desc="training",
            unit="step",
            initial=start,
            total=len(schedule),
            disable=None if accelerator.is_main_process else True,
        ) as progress_bar,
    ):
        began = time.monotonic()
        for step, row in enumerate(trainer.steps(start), start + 1):
            history.append(row)
            seconds, began = time.monotonic() - began, time.monotonic()
            health.log(row, seconds)
            level = BUCKETS[row["level"] - 1] if row["level"] else "-"
            rate = f"{row['tokens'] / seconds:,.0f} tokens/s"
            progress_bar.set_postfix_str(f"loss {row['loss']:.3f}, level {level}, {rate}")
            progress_bar.update()
            stop = stopping.asked()
            if step in kept:
                save_copy(trainer, build, copies / copy_name(step))
            if stop or (options.checkpoint_every and step % options.checkpoint_every == 0 and step < len(schedule)):
                checkpoints.save(step, {"history": history})
            if stop and step < len(schedule):
                _stop(step, checkpoints, stopping.received, accelerator.is_main_process)
    if accelerator.is_main_process:
        collect_copies(copies, kept, len(schedule))
    return _metrics(history, schedule), checkpoints


def _tell(trainer: Trainer, settings: Settings, checkpoints: Checkpoints, start: int) -> None:
    options, processes = settings.profile.training, trainer.accelerator.num_processes
    shared = f"{processes} processes share it" if processes > 1 else "one process takes it"
    print(
        f"training: {options.batch_size} queries see each other, {options.gradient_accumulation} such batches make a "
        f"step; {shared}, in chunks of {options.chunk_tokens} tokens, activations of {options.graph_tokens} at once"
    )
    if start:
        print(f"training: goes on after step {start}, from {checkpoints.folder}")
    for line in checkpoints.others():
        print(f"training: not used, a checkpoint of other settings (theirs -> this run's): {line}")


def _stop(step: int, checkpoints: Checkpoints, received: int | None, tell: bool) -> None:
    message = f"stopped after step {step}; the checkpoint is in {checkpoints.folder}, `dvc repro` goes on from there"
    if received == signal.SIGINT:
        raise KeyboardInterrupt(message)
    if tell:
        print(f"\ntraining: {message}", file=sys.stderr)
    sys.exit(128 + signal.SIGTERM)


def _metrics(history: list[dict], schedule: Schedule) -> dict:
    last = history[-LAST:]
    names = ("loss", "in_batch_accuracy", "false_negatives", "temperature")
    return {
        **{name: sum(row[name] for row in last) / len(last) for name in names},
        "padding": sum(row["padding"] for row in history) / len(history),
        "steps": len(history),
        "samples": sum(len(phase.samples) for phase in schedule.phases),
        "tokens": sum(row["tokens"] for row in history),
        "order": schedule.fingerprint,
    }
