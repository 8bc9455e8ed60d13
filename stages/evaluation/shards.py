"""Embeddings on disk, in shards: what a stopped run has encoded is not encoded again, and processes share the work.

A shard is named by its content: the model, the instruction, the number type and the texts themselves.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from tqdm import tqdm

from stages.evaluation.models.embed import Embed, Embedded
from stages.evaluation.partial import writing
from stages.shared.errors import UserError

ROWS = 2048  # texts of a shard: enough to sort by length, few enough to spread over processes
DTYPES = {"fp32": np.float32, "fp16": np.float16}


class Shard(NamedTuple):
    """Texts that are embedded together, and the file that holds their embeddings once they are."""

    path: Path
    texts: list[str]
    instruction: str
    dtype: str


class Shards:
    """An `Embed` whose results go through files in `folder`."""

    def __init__(self, folder: Path, identity: str, dtype: str, make: Callable[[list[Shard]], None]):
        """`identity` names the model and all that shapes its embeddings; `make` writes the shards that it is given."""
        self._folder, self._identity, self._dtype, self._make = folder, identity, dtype, make
        self._used: set[Path] = set()

    def __call__(self, texts: list[str], instruction: str) -> Embedded:
        """float32 embeddings of `texts`. Raises UserError where they cannot be written."""
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        shards = [self._shard(texts[start : start + ROWS], instruction) for start in range(0, len(texts), ROWS)]
        self._used |= {shard.path for shard in shards}
        self._make([shard for shard in shards if not shard.path.exists()])
        if not shards:
            return Embedded(np.empty((0, 0), dtype=np.float32), np.empty(0, dtype=bool))
        embeddings, cut = None, np.empty(len(texts), dtype=bool)
        for number, shard in enumerate(shards):
            part, rows = _read(shard.path), slice(number * ROWS, number * ROWS + len(shard.texts))
            if embeddings is None:
                embeddings = np.empty((len(texts), part.embeddings.shape[1]), dtype=np.float32)
            embeddings[rows], cut[rows] = part
        return Embedded(embeddings, cut)

    def begin(self) -> None:
        """What comes is for another task: that of the one before, if it failed, stays for the next run."""
        self._used.clear()

    def forget(self) -> None:
        """Remove the files of all shards since `begin`: what they were needed for is done."""
        for path in self._used:
            path.unlink(missing_ok=True)
        self._used.clear()

    def _shard(self, texts: list[str], instruction: str) -> Shard:
        digest = hashlib.sha256(f"{self._identity}\x1e{instruction}\x1e{self._dtype}".encode())
        for text in texts:
            digest.update(b"\x1f" + text.encode("utf-8", "surrogatepass"))
        return Shard(self._folder / f"{digest.hexdigest()[:32]}.safetensors", texts, instruction, self._dtype)


def make_shards(shards: list[Shard], embed: Embed, *, progress: bool) -> None:
    """Embed the texts of each shard and write its file, which is complete once it has its name.

    Raises UserError where they cannot be written, or an embedding does not fit the number type.
    """
    total = sum(len(shard.texts) for shard in shards)
    with tqdm(total=total, desc="encode", unit="text", disable=None if progress else True, leave=False) as bar:
        for shard in shards:
            _write(shard, embed(shard.texts, shard.instruction))
            bar.update(len(shard.texts))


def _write(shard: Shard, embedded: Embedded) -> None:
    unfinished = shard.path.with_suffix(f".{os.getpid()}")
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(embedded.embeddings, dtype=DTYPES[shard.dtype])
    if (np.isinf(values) & np.isfinite(embedded.embeddings)).any():
        raise UserError(f"an embedding does not fit {shard.dtype}", next="set evaluation.embeddings: fp32")
    try:
        with writing(shard.path.parent):
            save_file({"embeddings": values, "cut": embedded.cut}, unfinished)
            unfinished.rename(shard.path)
    finally:
        unfinished.unlink(missing_ok=True)


def _read(path: Path) -> Embedded:
    """A shard's embeddings. Raises UserError for a damaged file, after removing it."""
    try:
        with safe_open(path, framework="numpy") as file:
            return Embedded(file.get_tensor("embeddings"), file.get_tensor("cut"))
    except (OSError, SafetensorError) as error:
        path.unlink(missing_ok=True)
        raise UserError(f"{path} is damaged: {error}", next="run `dvc repro` again: it is made anew") from error
