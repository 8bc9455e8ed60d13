"""An evaluation as a git revision or a DVC experiment has it, read without a checkout."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from stages.evaluation.compare.source import EVALUATION, SAMPLES, TASKS, Source, parse_tasks
from stages.shared.errors import UserError
from stages.shared.records import SampleScore, read_records

if TYPE_CHECKING:
    from dvc.api import DVCFileSystem

ROOT = PurePosixPath("/", EVALUATION)  # DVC's file system begins at the repository


class UnknownRevision(Exception):
    """No commit, branch, tag or experiment has this name."""


def revision_source(revision: str) -> Source:
    """The models of a commit, branch, tag or experiment; data come from the DVC cache or, failing that, the remote.

    Raises UnknownRevision, and UserError when the revision has no evaluation with samples or its data are not at hand.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import NotDvcRepoError
    from dvc.scm import SCMError

    try:
        files = DVCFileSystem(repo=".", rev=revision)
        commit = files.repo.get_rev()  # the file system itself is lazy, and takes an unknown revision for an empty one
    except SCMError as error:
        raise UnknownRevision(str(error)) from error
    except NotDvcRepoError as error:
        raise UserError(f"{revision} is no DVC project", next="choose a later revision") from error
    if not files.exists(str(ROOT)):
        raise UserError(
            f"{revision} has no {EVALUATION}", next="choose a revision in which the evaluation stage has run"
        )
    models = _models(files, revision)
    if not models:
        raise UserError(
            f"{EVALUATION} in {revision} has no {SAMPLES}: the samples of its scores were not kept",
            next="evaluate that revision with today's stages/evaluation, or choose a later one",
        )
    return Source(models, lambda model: _read(files, revision, model), _tasks(files, revision), commit)


def _models(files: "DVCFileSystem", revision: str) -> list[str]:
    with _data_at_hand(revision):
        folders = [path for path in files.ls(str(ROOT), detail=False) if files.isdir(path)]
        found = [path for folder in folders for path in files.ls(folder, detail=False)]
    return sorted(PurePosixPath(path).parent.name for path in found if PurePosixPath(path).name == SAMPLES)


def _tasks(files: "DVCFileSystem", revision: str) -> dict:
    with _data_at_hand(revision):
        content = files.read_bytes(str(ROOT / TASKS)) if files.exists(str(ROOT / TASKS)) else None
    return {} if content is None else parse_tasks(content, f"{EVALUATION}/{TASKS} of {revision}")


def _read(files: "DVCFileSystem", revision: str, model: str) -> list[SampleScore]:
    with TemporaryDirectory() as temporary:
        copy = Path(temporary) / SAMPLES
        with _data_at_hand(revision):
            files.get_file(str(ROOT / model / SAMPLES), str(copy))
        try:
            return read_records(copy, SampleScore)
        except UserError as error:
            message = error.args[0].replace(temporary, f"{EVALUATION}/{model}")
            raise UserError(
                f"{revision}: {message}", next="evaluate that revision with today's stages/evaluation"
            ) from error


@contextmanager
def _data_at_hand(revision: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # DVC's own, those of its index, and whatever the client of a remote raises
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{EVALUATION} of {revision} is neither in the DVC cache nor in a remote that can be reached: {reason}",
            next="run `dvc fetch --all-commits`, or check it out and run `dvc pull`; `dvc repro` makes the data again",
        ) from error
