"""What is known of each batch, in files beside the ledger, so that none is submitted twice or forgotten.

Beside each file of requests lies a small one that says where it was sent and what became of it; never the API key.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from stages.llm.batch_files import RequestFile
from stages.shared.errors import UserError

SUBMITTING, SUBMITTED = "submitting", "submitted"


@dataclass(frozen=True, slots=True)
class Batch:
    """One file of requests, named by the hash of its content."""

    name: str
    requests: int
    model: str
    base_url: str
    # Goes to the server with the batch: tells whether one whose id was not recorded has reached it.
    submission: str = field(default_factory=lambda: secrets.token_hex(8))
    id: str | None = None  # the server's
    state: str = SUBMITTING  # then SUBMITTED, then what the server called its end


class BatchFolder:
    def __init__(self, ledger: Path):
        self.path = Path(f"{ledger}.batches")

    def __iter__(self) -> Iterator[Batch]:
        """All batches. Raises UserError for a file that is none."""
        for path in sorted(self.path.glob("*.json")):
            try:
                yield Batch(**json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, TypeError) as error:
                raise UserError(
                    f"{path} does not describe a batch: {error}",
                    next="delete it; if its batch was submitted and is not taken, its requests are paid for again",
                ) from error

    def unfinished(self, model: str) -> list[Batch]:
        return [batch for batch in self if batch.model == model and batch.state in (SUBMITTING, SUBMITTED)]

    def part(self, model: str) -> Path:
        """Where a file of requests is written before its name is known; only one process at a time asks a model."""
        self.path.mkdir(parents=True, exist_ok=True)
        return self.path / f"{hashlib.sha256(model.encode()).hexdigest()[:8]}.part"

    def add(self, file: RequestFile, model: str, base_url: str) -> Batch:
        """Keep a file of requests that is about to be submitted."""
        batch = Batch(file.digest, file.requests, model, base_url)
        self._save(batch)
        file.path.replace(self.requests(batch))
        return batch

    def submitted(self, batch: Batch, id: str) -> Batch:
        return self._save(replace(batch, id=id, state=SUBMITTED))

    def finished(self, batch: Batch, state: str) -> None:
        """Keep the record; the files are of no more use."""
        self._save(replace(batch, state=state))
        for path in (self.requests(batch), *self.outputs(batch)):
            path.unlink(missing_ok=True)

    def drop(self, batch: Batch) -> None:
        """Forget a batch that no server has."""
        self.requests(batch).unlink(missing_ok=True)
        self.record(batch).unlink()

    def record(self, batch: Batch) -> Path:
        return self.path / f"{batch.name}.json"

    def requests(self, batch: Batch) -> Path:
        return self.path / f"{batch.name}.jsonl"

    def outputs(self, batch: Batch) -> tuple[Path, Path]:
        """Where the output and the error file are downloaded to."""
        return self.path / f"{batch.name}.output", self.path / f"{batch.name}.error"

    def _save(self, batch: Batch) -> Batch:
        path = self.record(batch)
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(asdict(batch), file, indent=2)
            file.flush()
            os.fsync(file.fileno())  # what is paid for must be known even if the machine dies
        new.replace(path)
        return batch
