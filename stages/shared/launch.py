"""Starts a stage again under accelerate's launcher, where the profile asks for several processes.

Imports no torch, so that what is set here is there before it loads.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import yaml

from stages.shared.errors import UserError
from stages.shared.settings import Settings

CONFIGS = Path("profiles/accelerate")
LAUNCHED = ("LOCAL_RANK", "ACCELERATE_MIXED_PRECISION")  # torchrun sets the one, accelerate the other, in each process
SHARDING = ("FSDP", "DEEPSPEED")
GRACE = "600"  # seconds between the launcher's SIGTERM and its SIGKILL, 30 by default: to end a step, save the state


def relaunch(settings: Settings, stage: str, *, shards: bool) -> None:
    """Replace this process by accelerate's launcher, as `<stage>.launch` says; return if it says null or one process.

    Returns too in a process that a launcher has started. The launcher has this one's id and environment; it hands on
    the SIGTERM and Ctrl-C that it gets to all processes, and waits for them.

    Args:
        stage: `training` or `evaluation`.
        shards: whether the stage can share one model out over its processes.

    Raises:
        UserError: if there is no such configuration, if it is for another device or shares the model out where the
            stage cannot, or if it is for DeepSpeed, not installed.
    """
    name = getattr(settings.profile, stage).launch
    if name is None or any(variable in os.environ for variable in LAUNCHED):
        return
    config = _read(f"{stage}.launch", name, settings.profile.runtime.device)
    if config["distributed_type"] == "NO":
        return  # accelerate's launcher of one process dies of a SIGTERM alone and leaves that process behind
    if config["distributed_type"] in SHARDING and not shards:
        raise UserError(
            f"{stage}.launch: {name} shares one model out over its processes; here each has the whole model",
            next="choose multi_gpu, or null for one process",
        )
    options = ["--config_file", str(CONFIGS / f"{name}.yaml")]
    if "num_processes" not in config:
        options += ["--num_processes", str(settings.profile.hardware.count)]
    if rank := os.environ.get("MACHINE_RANK"):
        options += ["--machine_rank", rank]
    command = [sys.executable, "-m", "stages.shared.launcher", *options, "--module", f"stages.{stage}"]
    sys.stdout.flush()
    os.execvpe(command[0], command, {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": GRACE, **os.environ})


def _read(key: str, name: str, device: str) -> dict:
    """The configuration `name`, as accelerate will read it; checked against `device` and what is installed."""
    known = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
    if name not in known:
        raise UserError(
            f"{key}: given {name!r}; allowed: null, {', '.join(known)}",
            next=f"choose one of these, or write {CONFIGS / name}.yaml, an accelerate configuration",
        )
    config = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    wanted = "cpu" if config.get("use_cpu") else "cuda"
    if wanted != device:
        raise UserError(
            f"{key}: {name} is for {wanted}, runtime.device is {device}",
            next="change one of the two in the profile",
        )
    if config["distributed_type"] == "DEEPSPEED" and find_spec("deepspeed") is None:
        raise UserError(f"{key}: {name} needs DeepSpeed", next="pip install deepspeed, or choose fsdp2")
    return config
