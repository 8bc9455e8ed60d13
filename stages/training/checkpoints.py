"""Checkpoints from which a stopped run goes on as if it had never been stopped.

They lie outside DVC, in `checkpoints/` or where MGH_CHECKPOINTS says, in one folder for each run's settings and data: a
run that differs in anything that matters never takes another one's. Two are kept; a folder is complete once it has its
name, so `kill -9` at any moment leaves the last good one.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from stages.shared.errors import UserError
from stages.shared.files import read_json

KEPT = 2
STATE, RUN = "progress.json", "run.json"
TRAINED = "trained.safetensors"
SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED)  # accelerate writes and reads these models in parts


class Checkpoints:
    """The checkpoints of one run. All processes call each method, at the same step."""

    def __init__(self, accelerator: Accelerator, run: dict):
        """`run` is all that shapes the trained weights, as JSON; register what else has a state before."""
        self._accelerator, self._run = accelerator, run
        self.root = Path(os.environ.get("MGH_CHECKPOINTS", "checkpoints"))
        self.folder = self.root / hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()[:12]
        self._zero = accelerator.distributed_type == DistributedType.DEEPSPEED
        if accelerator.distributed_type not in SHARDED:
            accelerator.register_save_state_pre_hook(self._save_trained)
            accelerator.register_load_state_pre_hook(self._load_trained)

    def save(self, step: int, progress: dict) -> None:
        """Write the state after `step` steps; `progress` is what the loop itself needs, as JSON."""
        unfinished = self.folder / "unfinished"
        if self._accelerator.is_main_process:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
        self._accelerator.wait_for_everyone()
        self._accelerator.save_state(str(unfinished), **({"exclude_frozen_parameters": True} if self._zero else {}))
        self._accelerator.wait_for_everyone()
        if self._accelerator.is_main_process:
            (unfinished / STATE).write_text(json.dumps({**progress, "step": step}))
            (unfinished / RUN).write_text(json.dumps(self._run))
            target = self.folder / f"step-{step:06d}"
            shutil.rmtree(target, ignore_errors=True)
            unfinished.rename(target)
            for old in self._complete()[:-KEPT]:
                shutil.rmtree(old)
        self._accelerator.wait_for_everyone()

    def restore(self) -> dict | None:
        """Take up the newest checkpoint and return its progress, with `step`; None if there is none.

        Raises UserError if the checkpoint cannot be read, or is of another run.
        """
        complete = self._complete()
        if not complete:
            return None
        newest = complete[-1]
        advice = f"remove {newest} to go on from the one before, or {self.folder} to begin anew"
        try:
            run, progress = read_json(newest / RUN), read_json(newest / STATE)
            if changed := differences(run, self._run):
                raise UserError(f"{newest} is a checkpoint of other settings: {'; '.join(changed)}", next=advice)
            self._accelerator.load_state(str(newest), **({"load_module_strict": False} if self._zero else {}))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise UserError(f"{newest} cannot be read: {str(error).splitlines()[0]}", next=advice) from error
        return progress

    def others(self) -> list[str]:
        """One line for each other run that left checkpoints here: where, how far, and what differs from this one."""
        found = []
        for file in sorted(self.root.glob(f"*/step-*/{RUN}")):
            if file.parents[1] != self.folder:
                found.append(f"{file.parent}: {'; '.join(differences(read_json(file), self._run))}")
        return found

    def clear(self) -> None:
        """Remove this run's checkpoints, once its result is saved."""
        if self._accelerator.is_main_process:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _complete(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

    def _save_trained(self, models: list[nn.Module], weights: list[dict], folder: str) -> None:
        """accelerate's hook: the trained weights alone, exactly; a frozen base is read again from where it came."""
        weights.clear()
        if self._accelerator.is_main_process:
            state = {name: weights.detach().contiguous() for name, weights in self._trained(models[0]).items()}
            save_file(state, Path(folder) / TRAINED)

    def _load_trained(self, models: list[nn.Module], folder: str) -> None:
        state, trained = load_file(Path(folder) / TRAINED), self._trained(models.pop())
        if state.keys() != trained.keys():
            raise ValueError("its weights are not those that this run trains")
        with torch.no_grad():
            for name, weights in trained.items():
                weights.copy_(state[name])

    def _trained(self, model: nn.Module) -> dict[str, nn.Parameter]:
        unwrapped = self._accelerator.unwrap_model(model)
        return {name: weights for name, weights in unwrapped.named_parameters() if weights.requires_grad}


def differences(given: dict, wanted: dict, prefix: str = "") -> list[str]:
    """`key given -> wanted` for each value that differs, nested keys dotted."""
    found = []
    for key in sorted({*given, *wanted}):
        before, after = given.get(key), wanted.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key} {before} -> {after}")
    return found
