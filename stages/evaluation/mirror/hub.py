"""What the mirror asks of the Hugging Face Hub, with errors that say whether to stop or to go on."""

import contextlib
import errno
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    XetDownloadError,
)
from huggingface_hub.hf_api import RepoFile

from stages.evaluation.mirror.needs import DataSetError
from stages.shared.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
CUT_OFF = (httpx2.TransportError, OfflineModeIsEnabled, ConnectionError)


@dataclass(frozen=True)
class HubFile:
    """A file of a repository: its path, bytes, and the Hub's hash of it (SHA-256, or git's SHA-1 for small ones)."""

    path: str
    size: int
    hash: str


def listing(repository: str, revision: str) -> list[HubFile]:
    """All files of a dataset repository but hidden ones. Raises DataSetError, or UserError if going on has no point."""
    with _told(repository, revision):
        tree = HfApi().list_repo_tree(repository, recursive=True, revision=revision, repo_type="dataset")
        files = [item for item in tree if isinstance(item, RepoFile)]  # the others are folders
    return [
        HubFile(file.path, file.size, file.lfs.sha256 if file.lfs else file.blob_id)
        for file in sorted(files, key=lambda file: file.path)
        if not any(part.startswith(".") for part in file.path.split("/"))
    ]


def download(repository: str, revision: str, folder: Path) -> None:
    """Bring every file of the repository into `folder`; goes on where it was stopped. Raises as `listing` does."""
    with _told(repository, revision, folder):
        snapshot_download(
            repository, repo_type="dataset", revision=revision, local_dir=folder, ignore_patterns=[".*", "*/.*"]
        )


def forget_download(folder: Path) -> None:
    """Remove the notes that a finished download leaves in its folder."""
    shutil.rmtree(folder / ".cache" / "huggingface", ignore_errors=True)
    with contextlib.suppress(OSError):  # other things may lie in it
        (folder / ".cache").rmdir()


def has_hash(path: Path, sha256: str, expected: HubFile) -> bool:
    """Whether the file at `path`, whose SHA-256 is known, is the one that the Hub lists."""
    if len(expected.hash) == 64:
        return sha256 == expected.hash
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == expected.hash


def disk_full(folder: Path, detail: str = "") -> UserError:
    return UserError(
        f"no space left for {folder}{detail}", next="free some and run the same command again; what is there is kept"
    )


@contextlib.contextmanager
def _told(repository: str, revision: str, folder: Path | None = None) -> Iterator[None]:
    """`folder` is the one that is written to."""
    try:
        yield
    except GatedRepoError as error:
        raise DataSetError(
            f"its owner asks for consent: give it at {constants.ENDPOINT}/datasets/{repository} and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise DataSetError("there is no such dataset repository, or HF_TOKEN may not read it") from error
    except RevisionNotFoundError as error:
        raise DataSetError(f"the Hub no longer has its revision {revision}") from error
    except (OSError, RuntimeError, ValueError, httpx2.HTTPError, XetDownloadError) as error:
        if folder and (getattr(error, "errno", None) in FULL or "No space left" in str(error)):
            raise disk_full(folder) from error
        if cut_off := next((item for item in _causes(error) if isinstance(item, CUT_OFF)), None):
            raise _unreachable(cut_off) from error
        raise DataSetError(_first_line(error)) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those behind it: huggingface_hub has one error for "not in the cache, and not to be had"."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _unreachable(error: BaseException) -> UserError:
    if constants.HF_HUB_OFFLINE:
        return UserError("HF_HUB_OFFLINE is set, and pulling needs the network", next="unset it for this command")
    return UserError(
        f"cannot reach {constants.ENDPOINT}: {_first_line(error)}",
        next="check the network and run the same command again; what is there is kept. For a machine without one, pull "
        "on another and copy the folder",
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
