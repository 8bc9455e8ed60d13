"""A ledger as JSONL and back, a check of every row, and the way from an older schema."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from stages.llm.ledger import VERSION, Ledger, Row, checksum, create_tables
from stages.llm.requests import Answer, request_key
from stages.shared.errors import UserError

CHUNK = 1000
"""Rows in one transaction."""


def export_rows(ledger: Ledger, path: Path, model: str | None = None) -> int:
    """Write the undamaged rows as JSONL, one answer a line, and return how many there were."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in ledger.rows(model):
            if row.damage() is None:
                file.write(json.dumps(_line(row), ensure_ascii=False) + "\n")
                count += 1
    return count


@dataclass
class Imported:
    new: int = 0
    there: int = 0
    refused: list[str] = field(default_factory=list)  # what is wrong, with the number of the line


def import_rows(ledger: Ledger, path: Path) -> Imported:
    """Append the answers in a JSONL file; a line that is no row, or whose checksum does not fit, is refused."""
    result = Imported()
    with path.open(encoding="utf-8", errors="replace") as file:
        rows = _read(file, result)
        while chunk := list(islice(rows, CHUNK)):
            added = ledger.put(chunk)
            result.new += added
            result.there += len(chunk) - added
    return result


def verify_rows(ledger: Ledger) -> Iterator[tuple[Row, str]]:
    """The damaged rows and what is wrong with each."""
    for row in ledger.rows():
        if damage := row.damage():
            yield row, damage


def upgrade(path: Path) -> int:
    """Bring a ledger of schema 1 to ours, in one transaction; a copy of the old file stays beside it.

    Returns how many answers there are. Raises UserError when the file is not of schema 1.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        version = connection.execute("pragma user_version").fetchone()[0]
        tables = connection.execute("select count(*) from sqlite_master where name = 'answers'").fetchone()[0]
        if version not in (0, 1) or not tables:
            raise UserError(f"{path} is not a ledger of an older schema", next="it can be used as it is")
        connection.execute("pragma wal_checkpoint(truncate)")
        shutil.copy(path, f"{path}.schema1")
        connection.execute("begin immediate")
        connection.execute("alter table answers rename to schema1")
        create_tables(connection)
        old = connection.execute("select key, model, request, answer, prompt_tokens, completion_tokens from schema1")
        for key, model, request, text, prompt_tokens, completion_tokens in old:
            # Schema 1 kept the request in the order in which it was built; its key is that of the sorted one.
            request = json.dumps(json.loads(request), sort_keys=True, ensure_ascii=False)
            answer = Answer(text, "", prompt_tokens, completion_tokens)
            connection.execute(
                "insert into answers (key, model, request, answer, finish_reason, prompt_tokens, completion_tokens, "
                "batch, checksum) values (?, ?, ?, ?, '', ?, ?, 0, ?)",
                (key, model, request, text, prompt_tokens, completion_tokens, checksum(key, answer)),
            )
        connection.execute("drop table schema1")
        connection.execute(f"pragma user_version = {VERSION}")
        connection.execute("commit")
        return connection.execute("select count(*) from answers").fetchone()[0]


def _line(row: Row) -> dict:
    given = row.answer
    return {
        "key": row.key,
        "request": json.loads(row.request),
        "answer": given.text,
        "finish_reason": given.finish_reason,
        "prompt_tokens": given.prompt_tokens,
        "completion_tokens": given.completion_tokens,
        "batch": given.batch,
        "checksum": row.checksum,
    }


def _read(lines, result: Imported) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        try:
            row = _parse(json.loads(line))
            damage = row.damage()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            damage = f"not a row of a ledger: {error!r}"
        if damage:
            result.refused.append(f"line {number}: {damage}")
        else:
            yield row


def _parse(given: dict) -> Row:
    text = json.dumps(given["request"], sort_keys=True, ensure_ascii=False)
    answer = Answer(
        str(given["answer"]),
        str(given["finish_reason"]),
        int(given["prompt_tokens"]),
        int(given["completion_tokens"]),
        bool(given["batch"]),
    )
    if request_key(text) != given["key"]:
        raise ValueError("the request is not the one that its key names")
    return Row(given["key"], given["request"]["model"], text, answer, given["checksum"])
