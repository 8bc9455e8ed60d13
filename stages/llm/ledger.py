"""Every answer ever paid for, in an append-only SQLite file in the user's cache folder.

It lies outside the repository and DVC on purpose: `dvc gc`, a temporary experiment folder, a crash or a changed filter
must never lose what was paid for.
"""

import hashlib
import json
import os
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from stages.shared.errors import UserError

VARIABLE = "MGH_LEDGER"

_SCHEMA = """
create table if not exists answers (
    key text primary key,
    model text not null,
    request text not null,
    answer text not null,
    prompt_tokens integer not null,
    completion_tokens integer not null
) without rowid
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote, word for word, and what it cost."""

    text: str
    prompt_tokens: int
    completion_tokens: int


def ledger_path() -> Path:
    """The file that $MGH_LEDGER names, or the one in the user's cache folder."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else user_cache_path("mgh-ata-embeddings") / "ledger.sqlite"


def request_key(body: dict) -> str:
    """SHA-256 of the request body: model, messages, sampling settings, schema, seed; no address, no API key."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Ledger:
    """`get` and `put` by request. An answer that `put` returned from survives the death of the process."""

    def __init__(self, path: Path | None = None):
        self.path = path or ledger_path()
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            self._connection.execute("pragma journal_mode=wal")
            self._connection.execute("pragma synchronous=normal")
            self._connection.execute(_SCHEMA)

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_) -> None:
        self._connection.close()

    def __len__(self) -> int:
        with closing(self._connection.execute("select count(*) from answers")) as rows:
            return rows.fetchone()[0]

    def get(self, body: dict) -> Answer | None:
        query = "select answer, prompt_tokens, completion_tokens from answers where key = ?"
        with self._explained(), closing(self._connection.execute(query, (request_key(body),))) as rows:
            row = rows.fetchone()
        return Answer(*row) if row else None

    def put(self, body: dict, answer: Answer) -> None:
        """Append `answer`. The first answer to a request stays: a second one would make runs differ."""
        values = (request_key(body), body["model"], json.dumps(body, ensure_ascii=False), answer.text)
        with self._explained():
            self._connection.execute(
                "insert or ignore into answers values (?, ?, ?, ?, ?, ?)",
                (*values, answer.prompt_tokens, answer.completion_tokens),
            )

    @contextmanager
    def _explained(self):
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise UserError(
                f"the ledger of paid answers, {self.path}, cannot be used: {error}",
                next=f"free disk space or mend its permissions, or set {VARIABLE} to a file elsewhere; "
                "answers already in it are kept",
            ) from error
