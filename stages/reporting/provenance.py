"""Where the numbers come from: settings, package versions, task revisions, and the hashes in dvc.lock."""

from importlib.metadata import version
from pathlib import Path

import yaml

from stages.shared.files import read_json
from stages.shared.settings import Settings

LOCK = Path("dvc.lock")
EVALUATION = Path("data/evaluation/encoder")
PACKAGES = ("torch", "transformers", "accelerate", "peft", "mteb", "scikit-learn", "openai", "dvc")


def provenance(settings: Settings) -> dict[str, dict[str, str]]:
    """Sections of key and value. Nothing in it depends on the machine or the clock, so equal runs give equal pages.

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
        "Task revisions": _task_revisions(),
        "Outputs in dvc.lock (md5)": _locked_outputs(),
    }


def _task_revisions() -> dict[str, str]:
    results = (read_json(path) for path in sorted(EVALUATION.glob("*.json")) if path.name != "model_meta.json")
    return {result["task_name"]: result["dataset_revision"] for result in results}


def _locked_outputs() -> dict[str, str]:
    if not LOCK.exists():
        return {}
    stages = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"]
    outputs = (output for name, stage in stages.items() if name != "reporting" for output in stage.get("outs", []))
    return {output["path"]: output["md5"] for output in sorted(outputs, key=lambda output: output["path"])}
