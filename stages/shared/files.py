"""Small text outputs that are equal byte for byte wherever they are written."""

import csv
import hashlib
import io
import json
from pathlib import Path


def content_id(*parts: str) -> str:
    """16 hex digits that name a row by its content; the separator cannot occur in text that came through JSON."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def write_json(path: str | Path, value: dict) -> None:
    """Write `value` as indented JSON, floats rounded to 6 decimals so that `dvc metrics` stays legible."""
    write_text(path, json.dumps(_rounded(value), indent=2, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> dict:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_text(path: str | Path, text: str) -> None:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def write_csv(path: str | Path, rows: list[dict]) -> None:
    """Write `rows`, which share their keys, as CSV with a header."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, buffer.getvalue())


def _rounded(value):
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
