"""Finished tasks of an evaluation that was stopped, outside DVC, so that the next run does only what is missing.

They lie in `partial/`, or where MGH_PARTIAL says, in one folder for each model and all that shapes its scores. A run
that differs in anything that matters takes nothing from it; what a run needed is removed once its results are written.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from mteb.results import TaskResult
from safetensors import SafetensorError

from stages.shared.errors import UserError
from stages.shared.records import SampleScore, read_records, write_records

PACKAGES = ("mteb", "torch", "transformers", "datasets", "numpy", "scikit-learn", "bm25s")
SOURCES = ("stages/evaluation", "stages/encoder", "kernels/ata_pooling")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Within it, what cannot be written to `folder` raises UserError."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"cannot write what is done to {folder}: {error}",
            next="free some disk space, point MGH_PARTIAL at a larger disk, or set evaluation.embeddings: fp16; what "
            "is done is kept, `dvc repro` goes on from there",
        ) from error


class Partial:
    """The finished tasks and the embeddings of one model."""

    def __init__(self, model: str, identity: dict):
        """`identity` is all that shapes the model's scores but the task, as JSON."""
        whole = {"model": identity, "versions": {name: version(name) for name in PACKAGES}, "code": _code()}
        self.identity = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:12]
        self.folder = _root() / f"{model}-{self.identity}"

    @property
    def embeddings(self) -> Path:
        return self.folder / "embeddings"

    def load(self, task: str, identity: dict) -> tuple[list[TaskResult], list[SampleScore], dict] | None:
        """mteb's results, the samples and the facts that `save` was given; None if that did not happen."""
        folder = self._folder(task, identity)
        if not folder.exists():
            return None
        results = [TaskResult.from_disk(path) for path in sorted(folder.glob("[0-9]*.json"))]
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        return results, read_records(folder / "samples.parquet", SampleScore), facts

    def save(
        self, task: str, identity: dict, results: list[TaskResult], samples: list[SampleScore], facts: dict
    ) -> None:
        """Keep a finished task: a folder that is complete once it has its name. Raises UserError if it cannot be."""
        folder = self._folder(task, identity)
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        with writing(self.folder):
            unfinished.mkdir(parents=True)
            for number, result in enumerate(results):
                # Not mteb's own to_disk, which rounds: averages of a run in pieces would differ from those of one.
                (unfinished / f"{number:03d}.json").write_text(json.dumps(result.model_dump()), encoding="utf-8")
            write_records(unfinished / "samples.parquet", SampleScore, samples)
            (unfinished / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
            unfinished.rename(folder)

    def clear(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.parent.exists() and not any(self.folder.parent.iterdir()):
            self.folder.parent.rmdir()

    def _folder(self, task: str, identity: dict) -> Path:
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
        return self.folder / f"{task.replace('/', '_')}-{digest}"


def _root() -> Path:
    return Path(os.environ.get("MGH_PARTIAL", "partial"))


def _code() -> str:
    """A hash of the code that scores: a run after a change to it takes nothing from before."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
