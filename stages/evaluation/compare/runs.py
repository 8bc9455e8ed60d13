"""From the RUN of a command line to the rows of one model."""

from dataclasses import dataclass, field
from pathlib import Path

from stages.evaluation.compare.revision import UnknownRevision, revision_source
from stages.evaluation.compare.source import EVALUATION, SAMPLES, Source, read_tasks
from stages.shared.errors import UserError
from stages.shared.records import SampleScore, read_records

WORKSPACE = "workspace"


@dataclass(frozen=True, slots=True)
class Run:
    """What one model got in one evaluation."""

    name: str
    model: str
    rows: list[SampleScore]
    tasks: dict = field(default_factory=dict)  # mteb's version and the tasks' revisions, as far as they are known
    commit: str = ""

    def __str__(self) -> str:
        return f"{self.name}{f' ({self.commit[:7]})' if self.commit else ''}, model {self.model}"


def read_run(text: str, default: str) -> Run:
    """`RUN`, of which the model `default` is taken if there are several, or `RUN:model`.

    Raises UserError when it is not there, is not ours, or has no such model.
    """
    name, separator, model = text.rpartition(":")
    if not separator:
        name, model = text, default
    if not name or not model:
        raise UserError(f"{text!r} names no {'model' if name else 'run'}", next="write RUN or RUN:model")
    source = _source(name)
    if not separator and len(source.models) == 1 and source.models[0] == Path(name).name:
        model = source.models[0]
    if model not in source.models:
        raise UserError(
            f"{name} has no model {model!r}; it has {', '.join(source.models)}",
            next="write RUN:model with a model that it has",
        )
    return Run(name, model, source.read(model), source.tasks, source.commit)


def _source(name: str) -> Source:
    if name == WORKSPACE:
        if source := _folder_source(Path(EVALUATION)):
            return source
        raise UserError(
            f"the workspace has no {EVALUATION}/<model>/{SAMPLES}",
            next="run `dvc repro evaluation`, or `dvc checkout` if this commit has them",
        )
    if source := _folder_source(Path(name)):
        return source
    try:
        return revision_source(name)
    except UnknownRevision as error:
        raise _unknown(name, error) from error


def _folder_source(folder: Path) -> Source | None:
    """A model's own folder, or one that holds those of several; None when it is neither."""
    if (folder / SAMPLES).is_file():
        tasks = read_tasks(folder.resolve().parent)
        return Source([folder.resolve().name], lambda _: read_records(folder / SAMPLES, SampleScore), tasks)
    models = sorted(path.parent.name for path in folder.glob(f"*/{SAMPLES}"))
    if not models:
        return None
    return Source(models, lambda model: read_records(folder / model / SAMPLES, SampleScore), read_tasks(folder))


def _unknown(name: str, error: UnknownRevision) -> UserError:
    if Path(name).exists():
        return UserError(
            f"{name} has no {SAMPLES}, and no folder with one: it is no evaluation of this project",
            next=f"give {EVALUATION}, a model's folder in it, `{WORKSPACE}`, a revision or an experiment",
        )
    return UserError(
        f"{name!r} is no folder, and no revision or experiment either: {error}",
        next="`git branch`, `git log` and `dvc exp list` show those that there are",
    )
