"""Where the numbers come from: settings, package versions, task revisions, and the hashes in dvc.lock."""

from importlib.metadata import version
from pathlib import Path

import yaml

from stages.shared.settings import Settings

LOCK = Path("dvc.lock")
PACKAGES = ("torch", "transformers", "accelerate", "peft", "mteb", "scikit-learn", "openai", "dvc")


def provenance(settings: Settings, evaluated: dict) -> dict[str, dict[str, str]]:
    """Sections of key and value. Nothing in it depends on the machine or the clock, so equal runs give equal pages.

    `evaluated` is what `load_evaluated` read: the revisions of the tasks' data.

    The commit is not among them: the page is committed, so it cannot hold its own commit's name. `git log` on the page
    tells it, and the hashes below find the data in any commit's dvc.lock.
    """
    runtime = settings.profile.runtime
    return {
        "Settings": {
            **{key: str(value) for key, value in settings.params.model_dump(exclude={"latent", "ata"}).items()},
            **{f"latent.{key}": str(value) for key, value in settings.params.latent.model_dump().items()},
            **{f"ata.{key}": str(value) for key, value in settings.params.ata.model_dump().items()},
            "precision": "float32" if runtime.precision == "no" else runtime.precision,
            "LLM": settings.profile.llm.endpoint.kind,
        },
        # Without the build tag (+cpu, +cu130), which names a wheel and not the source.
        "Packages": {name: version(name).split("+")[0] for name in PACKAGES},
        "Task revisions": _task_revisions(evaluated),
        "Outputs in dvc.lock (md5)": _locked_outputs(),
    }


def _task_revisions(evaluated: dict) -> dict[str, str]:
    """Whole, and of each part of a task that has several."""
    return {part: revision for task in evaluated["tasks"].values() for part, revision in task["revisions"].items()}


def _locked_outputs() -> dict[str, str]:
    if not LOCK.exists():
        return {}
    stages = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"]
    outputs = (output for name, stage in stages.items() if name != "reporting" for output in stage.get("outs", []))
    return {output["path"]: output["md5"] for output in sorted(outputs, key=lambda output: output["path"])}
