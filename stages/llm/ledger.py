"""Every answer ever paid for, in an append-only SQLite file in the user's cache folder.

It lies outside the repository and DVC on purpose: `dvc gc`, a temporary experiment folder, a crash or a changed filter
must never lose what was paid for. Each row carries a checksum: a damaged one is set aside, and asked anew.
"""

import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path
from tqdm import tqdm

from stages.llm.requests import Answer, ChatBody, request_key
from stages.shared.errors import UserError

VARIABLE = "MGH_LEDGER"
VERSION = 2
BUSY_SECONDS = 30

_COLUMNS = "key, model, request, answer, finish_reason, prompt_tokens, completion_tokens, batch, checksum"
_TABLE = """
create table {name} (
    id integer primary key,
    key text not null {unique},
    model text not null,
    request text not null,
    answer text not null,
    finish_reason text not null,
    prompt_tokens integer not null,
    completion_tokens integer not null,
    batch integer not null,
    checksum text not null
)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the ledger: the request as sent, its answer, and a checksum over both."""

    key: str
    model: str
    request: str
    answer: Answer
    checksum: str

    @classmethod
    def of(cls, body: ChatBody, answer: Answer) -> "Row":
        return cls(body.key, body.model, body.json, answer, checksum(body.key, answer))

    def damage(self) -> str | None:
        """What is wrong with this row, None if nothing is."""
        if request_key(self.request) != self.key:
            return "the request is not the one that its key names"
        if json.loads(self.request).get("model") != self.model:
            return "the model is not the one of the request"
        return None if checksum(self.key, self.answer) == self.checksum else "the answer differs from its checksum"


def create_tables(connection: sqlite3.Connection) -> None:
    connection.execute(_TABLE.format(name="answers", unique="unique"))
    connection.execute(_TABLE.format(name="damaged", unique=""))
    connection.execute(f"pragma user_version = {VERSION}")


def checksum(key: str, answer: Answer) -> str:
    """32 hex digits over an answer and the request that it belongs to."""
    counts = (str(answer.prompt_tokens), str(answer.completion_tokens), str(int(answer.batch)))
    text = "\x1f".join((key, answer.finish_reason, *counts, answer.text))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def ledger_path() -> Path:
    """The file that $MGH_LEDGER names, or the one in the user's cache folder."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else user_cache_path("mgh-ata-embeddings") / "ledger.sqlite"


class Ledger:
    """Answers by request. What `put` or `commit` returned from survives the death of the process and of the machine."""

    def __init__(self, path: Path | None = None):
        """Open or create. Raises UserError when the file cannot be used or has another schema than ours."""
        self.path = path or ledger_path()
        with self.explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._reader, self._writer = self._connect(), self._connect()
            found = self._version_or_create()
        if found != VERSION:
            self.close()
            raise UserError(
                f"the ledger of paid answers, {self.path}, has schema {found}, not {VERSION}", next=_mend(found)
            )

    def _connect(self) -> sqlite3.Connection:
        # Two connections, so that a commit in another thread never holds up a look-up.
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.text_factory = lambda text: text.decode(errors="replace")  # damage then shows in the checksum
        return connection

    def _version_or_create(self) -> int:
        def found() -> int:
            known = self._writer.execute("pragma user_version").fetchone()[0]
            tables = self._writer.execute("select count(*) from sqlite_master where name = 'answers'").fetchone()[0]
            return (known or 1) if tables else 0

        if not found():
            self._writer.execute("begin immediate")
            if not found():  # another process may have been faster
                create_tables(self._writer)
            self._writer.execute("commit")
        return found()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def __len__(self) -> int:
        with closing(self._reader.execute("select count(*) from answers")) as rows:
            return rows.fetchone()[0]

    def get(self, key: str) -> Answer | None:
        """The answer to the request with this key. A damaged one is set aside, so that it is asked anew."""
        query = f"select {_COLUMNS} from answers where key = ?"
        with self.explained(), closing(self._reader.execute(query, (key,))) as found:
            values = found.fetchone()
        if values is None:
            return None
        row = _row(values)
        if row.checksum == checksum(key, row.answer):
            return row.answer
        self.set_aside(row, "the answer differs from its checksum")
        return None

    def rows(self, model: str | None = None) -> Iterator[Row]:
        """All rows in the order in which they were paid, damaged ones included."""
        query = f"select {_COLUMNS} from answers where ? is null or model = ? order by id"
        with self.explained(), closing(self._reader.execute(query, (model, model))) as found:
            yield from map(_row, found)

    def put(self, rows: Iterable[Row]) -> int:
        """Append in one transaction; how many were new. The first answer stays: a second one would make runs differ."""
        with self.explained():
            self.begin()
            try:
                added = self.insert(rows)
            except BaseException:
                if self._writer.in_transaction:  # a full disk has ended it
                    self._writer.execute("rollback")
                raise
            self.commit()
            return added

    def begin(self) -> None:
        """Wait for other writers, `BUSY_SECONDS` at most."""
        with self.explained():
            self._writer.execute("begin immediate")

    def insert(self, rows: Iterable[Row]) -> int:
        before = self._writer.total_changes
        values = "?, ?, ?, ?, ?, ?, ?, ?, ?"
        with self.explained():
            self._writer.executemany(
                f"insert or ignore into answers ({_COLUMNS}) values ({values})", map(_values, rows)
            )
        return self._writer.total_changes - before

    def commit(self) -> None:
        with self.explained():
            self._writer.execute("commit")

    def set_aside(self, row: Row, damage: str) -> None:
        """Name a damaged row and move it out of the way of a new answer; it stays in the table `damaged`."""
        tqdm.write(
            f"ledger: {row.key[:16]} ({row.model}) is damaged, {damage}; set aside, to be asked anew", sys.stderr
        )
        with self.explained():
            self.begin()
            self._writer.execute(
                f"insert into damaged ({_COLUMNS}) select {_COLUMNS} from answers where key = ?", (row.key,)
            )
            self._writer.execute("delete from answers where key = ?", (row.key,))
            self.commit()

    def forget(self, finish_reason: str) -> int:
        """Drop the answers that ended so, which nobody paid for, and return how many there were."""
        with self.explained():
            return self._writer.execute("delete from answers where finish_reason = ?", (finish_reason,)).rowcount

    def damaged(self) -> int:
        """How many damaged rows have been set aside."""
        with closing(self._reader.execute("select count(*) from damaged")) as rows:
            return rows.fetchone()[0]

    @contextmanager
    def explained(self):
        """Turn trouble with the file into a UserError that says what to do."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            steps = f"mend its permissions, or set {VARIABLE} to a file elsewhere; answers already in it are kept"
            if "locked" in str(error):
                steps = f"wait for the process that holds it (`fuser {self.path}` names it), then run `dvc repro` again"
            elif "full" in str(error):
                steps = "free disk space and run `dvc repro` again; answers already in it are kept"
            elif "malformed" in str(error):
                steps = f"`sqlite3 {self.path} .recover` saves what can be read; or set {VARIABLE} to a file elsewhere"
            raise UserError(f"the ledger of paid answers, {self.path}, cannot be used: {error}", next=steps) from error


def _mend(found: int) -> str:
    if found < VERSION:
        return "run `python -m stages.synthesis.ledger upgrade`; it keeps every answer"
    return f"it was written by a newer version of this project: update this one, or set {VARIABLE} to a file elsewhere"


def _row(values: tuple) -> Row:
    key, model, request, text, finish_reason, prompt, completion, batch, check = values
    return Row(key, model, request, Answer(text, finish_reason, prompt, completion, bool(batch)), check)


def _values(row: Row) -> tuple:
    given = row.answer
    counts = (given.prompt_tokens, given.completion_tokens, int(given.batch))
    return (row.key, row.model, row.request, given.text, given.finish_reason, *counts, row.checksum)
