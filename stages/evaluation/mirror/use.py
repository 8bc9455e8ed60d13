"""The mirror as evaluation uses it: checks the files of a task against the lock and loads the task from them."""

import contextlib
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

import datasets
from mteb.abstasks import AbsTask

from stages.evaluation.mirror.files import problems
from stages.evaluation.mirror.lock import COMMAND, DataSetEntry, Lock, read_lock
from stages.evaluation.mirror.needs import parts
from stages.shared.errors import UserError


class Mirror:
    """A folder with data sets and their lock. Our own tasks, which need no data, pass every method untouched."""

    def __init__(self, folder: Path, lock: Lock):
        self.folder = folder
        self.lock = lock

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Read the lock of `folder`. Raises UserError where the folder or a readable lock is missing."""
        folder = Path(folder).expanduser()
        return cls(folder, read_lock(folder))

    def check(self, task: AbsTask) -> None:
        """Make sure that all data of `task` are here, at mteb's revision, byte for byte as locked.

        A file is hashed once per process unless its size or time changes. Raises UserError.
        """
        needed = list(parts([task]))
        if absent := [part for part in needed if part.metadata.dataset["path"] not in self.lock.datasets]:
            what = ", ".join(f"{part.metadata.name} ({part.metadata.dataset['path']})" for part in absent)
            # Without the task, so that the advice of many tasks is one: the profile's are those that pull takes.
            raise UserError(f"the mirror {self.folder} has no data for {what}", next=f"{COMMAND} pull {self.folder}")
        for part in needed:
            self._check(part.metadata.name, part.metadata.dataset["path"], part.metadata.dataset["revision"])

    def attach(self, task: AbsTask) -> AbsTask:
        """Make `task.load_data()` check and read the mirror instead of the Hub; returns the same task.

        Its metadata, and so its revision in result files, stay mteb's own; it may be unloaded and loaded again.
        """
        for part in parts([task]):
            part.load_data = functools.partial(self._load, part)
        return task

    def origin(self, task: AbsTask) -> Literal["hub", "folder"]:
        """`hub` if each file of `task` was compared with the Hub's own hash; `folder` if the revision of a data set is
        taken on trust, or it is not locked.
        """
        entries = [self.lock.datasets.get(part.metadata.dataset["path"]) for part in parts([task])]
        return "hub" if all(entry and entry.origin == "hub" for entry in entries) else "folder"

    def _check(self, task: str, repository: str, revision: str) -> None:
        entry = self.lock.datasets[repository]
        if entry.revision != revision:
            raise UserError(
                f"{task} needs {repository} at revision {revision}, and the mirror {self.folder} has {entry.revision}",
                next=f"{COMMAND} pull {self.folder}, or use the mteb that the mirror was made with "
                f"({entry.mteb_version})",
            )
        if bad := list(problems(self.folder / repository, entry.files)):
            raise UserError(
                f"{len(bad)} of the files of {repository}, which {task} needs, are not as the lock of {self.folder} "
                f"has them; the first: {self.folder / repository / bad[0].path} ({bad[0].state})",
                next=f"{COMMAND} pull {self.folder} fetches missing and changed ones; remove unknown ones",
            )

    def _load(self, task: AbsTask, *args: Any, **kwargs: Any) -> None:
        if task.data_loaded:
            return
        self.check(task)  # always: a copy that is prepared from other files would be kept under the lock's name
        repository = task.metadata.dataset["path"]
        folder = (self.folder / repository).absolute()
        with _prepared(self.lock.datasets[repository]), _reading(task, folder):
            type(task).load_data(task, *args, **kwargs)


@contextlib.contextmanager
def _reading(task: AbsTask, folder: Path) -> Iterator[None]:
    """Within it, mteb's loading code finds `folder` as the path of the data set."""
    own = task.__dict__.get("metadata")  # absent unless this object's metadata differ from its class's
    local = {**task.metadata.dataset, "path": str(folder)}
    task.metadata = task.metadata.model_copy(update={"dataset": local})
    try:
        yield
    finally:
        task.__dict__.pop("metadata", None)
        if own is not None:
            task.metadata = own


@contextlib.contextmanager
def _prepared(entry: DataSetEntry) -> Iterator[None]:
    """Within it, `datasets` prepares and unpacks into a cache folder that belongs to exactly these files.

    Its own names for them do not tell a local folder's old files from its new ones, so that it would go on serving what
    has changed since. The setting is replaced because mteb passes no `cache_dir` on.
    """
    content = "\n".join(f"{path} {file.sha256}" for path, file in sorted(entry.files.items()))
    name = hashlib.sha256(content.encode()).hexdigest()[:32]
    config = datasets.config
    before = config.HF_DATASETS_CACHE, config.DOWNLOADED_DATASETS_PATH
    config.HF_DATASETS_CACHE = Path(before[0]) / "mirror" / name
    config.DOWNLOADED_DATASETS_PATH = config.HF_DATASETS_CACHE / config.DOWNLOADED_DATASETS_DIR
    try:
        yield
    finally:
        config.HF_DATASETS_CACHE, config.DOWNLOADED_DATASETS_PATH = before
