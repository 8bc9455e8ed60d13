"""What the processes of the bench share: the settings, fixed arithmetic, and folders of their own for what they leave.

Imports no package that loads numpy or torch: a process fixes its threads before they are.
"""

import os
from collections.abc import Callable
from pathlib import Path

from benching import processes
from ruamel.yaml import YAML

from stages.shared import runtime
from stages.shared.settings import Params, Profile, Settings

ROOT = Path(__file__).parents[2]
THREADS = 2


def read_settings() -> Settings:
    """Profile tiny with bidirectional mean pooling, on all instructions that the processor has."""
    yaml = YAML(typ="safe", pure=True)
    params = Params.model_validate(yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8")))
    profile = Profile.model_validate(yaml.load((ROOT / "profiles/tiny.yaml").read_text(encoding="utf-8")))
    changes = {"threads": THREADS, "instruction_set": "native"}
    profile = profile.model_copy(update={"runtime": profile.runtime.model_copy(update=changes)})
    return Settings(params.model_copy(update={"pooling": "mean", "attention": "bidirectional"}), profile)


def environment(folder: str | Path) -> dict[str, str]:
    """For a process of the bench: caches, finished tasks and temporary files go to `folder`."""
    names = ("HF_HOME", "HF_DATASETS_CACHE", "MTEB_CACHE", "MPLCONFIGDIR", "MGH_PARTIAL", "TMPDIR")
    places = {name: str(Path(folder) / name.lower()) for name in names}
    Path(places["TMPDIR"]).mkdir(exist_ok=True)
    return os.environ | places


def said(worker: str, folder: str | Path, /, **given) -> dict:
    """What the process of this package's module `worker` says, see `benching.processes.said`."""
    name = f"stages.evaluation_bench.{worker}"
    return processes.said(name, given, folder=ROOT, environment=environment(folder))


def serve(act: Callable[..., dict], *, torch: bool = True) -> None:
    """The main program of a worker: call `act` with the settings and what `said` was given, and say what it returns."""
    settings = read_settings()
    runtime.pin(settings.profile.runtime)
    if torch:
        runtime.pin_torch(settings.profile.runtime, 0)
    processes.tell(lambda **given: act(settings, **given))
