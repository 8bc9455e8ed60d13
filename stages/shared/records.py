"""The rows that stages hand to each other, and the one way to write and read them.

A record is a frozen dataclass; its Parquet schema follows from its annotations. Ids are content hashes. Files are zstd
Parquet without timestamps, so the same rows give the same bytes.

pyarrow is imported where it is used: it loads numpy, which must come after `runtime.pin`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_type_hints

from stages.shared.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("short_long", "long_short", "short_short", "long_long", "symmetric")
"""Task kinds of MGH synthesis: four asymmetric ones (query length, document length) and paraphrase (STS)."""

LEVELS = ("high", "medium", "medium", "low")
"""Similarity levels asked of the LLM, hardest first: negatives[0] is N1 (hardest), negatives[3] is N4 (easiest)."""

BUCKETS = ("N1", "N2", "N3", "N4")


@dataclass(frozen=True, slots=True)
class Document:
    """One seed text: a short summary and the longer body that goes with it, e.g. of a function's documentation."""

    id: str
    source: str  # package or data set
    kind: str  # module | class | function | method | pair
    group: str  # where it lives, dotted, source first: "scipy.signal._filter_design"
    name: str  # qualified name inside the group, "" where there is none
    summary: str
    body: str


@dataclass(frozen=True, slots=True)
class Task:
    """One brainstormed retrieval task, e.g. "Given a symptom, find the bug report that explains it"."""

    id: str
    kind: str  # one of KINDS
    description: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One second-step request to the LLM, complete but for the endpoint's sampling settings."""

    id: str
    task_id: str
    seed_id: str  # the Document whose text the prompt quotes
    kind: str
    instruction: str  # the task's description, the instruction of the sample's query
    prompt: str  # user message


@dataclass(frozen=True, slots=True)
class Sample:
    """One accepted MGH sample."""

    id: str
    request_id: str
    task_id: str
    seed_id: str
    kind: str
    instruction: str
    query: str
    positive: str
    negatives: list[str]  # four, N1 first


@dataclass(frozen=True, slots=True)
class Rejection:
    """An answer that gave no sample, and why."""

    request_id: str
    kind: str
    reason: str  # a short fixed word, counted in the metrics
    detail: str
    answer: str


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """What training reads: synthetic samples have four negatives (N1 first), retrieval pairs have none."""

    id: str
    kind: str
    instruction: str
    query: str
    positive: str
    negatives: list[str]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sample that the bucket checks took out, and why."""

    sample_id: str
    reason: str
    detail: str


Record = TypeVar("Record")


@cache
def schema_of(record: type) -> pa.Schema:
    """The Arrow schema of a record type; no column may hold nulls."""
    import pyarrow as pa

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), list[str]: pa.list_(pa.string())}
    return pa.schema([pa.field(name, types[hint], nullable=False) for name, hint in get_type_hints(record).items()])


def write_records(path: str | Path, record: type[Record], rows: Iterable[Record]) -> int:
    """Write `rows` to a Parquet file, in order, and return how many there were."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, path = schema_of(record), Path(path)
    columns: dict[str, list] = {name: [] for name in schema.names}
    for row in rows:
        for name, values in columns.items():
            values.append(getattr(row, name))
    table = pa.table(columns, schema=schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", write_statistics=False)
    return table.num_rows


def read_records(path: str | Path, record: type[Record]) -> list[Record]:
    """Read a Parquet file of `record` rows.

    Raises UserError when the file is missing or unreadable, or a column is missing, unknown, mistyped or has nulls.
    """
    table = _checked_table(Path(path), schema_of(record))
    columns = [table[field.name].to_pylist() for field in fields(record)]
    return [record(*values) for values in zip(*columns, strict=True)]


def _checked_table(path: Path, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rebuild = "run `dvc repro` to make it again, or mend the file if it is your own"
    if not path.exists():
        raise UserError(f"{path} does not exist", next=rebuild)
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path} is not a readable Parquet file: {error}", next=rebuild) from error
    if missing := [name for name in schema.names if name not in table.column_names]:
        raise UserError(
            f"{path}: missing column {', '.join(missing)} (has {', '.join(table.column_names)})", next=rebuild
        )
    if unknown := [name for name in table.column_names if name not in schema.names]:
        raise UserError(
            f"{path}: unknown column {', '.join(unknown)} (allowed {', '.join(schema.names)})", next=rebuild
        )
    for field in schema:
        column = table[field.name]
        if not _same_type(column.type, field.type):
            raise UserError(f"{path}: column {field.name} is {column.type}, must be {field.type}", next=rebuild)
        if nulls := _null_count(column):
            raise UserError(f"{path}: column {field.name} has {nulls} nulls", next=rebuild)
    return table


def _null_count(column: pa.ChunkedArray) -> int:
    import pyarrow as pa

    elements = column.combine_chunks().flatten().null_count if pa.types.is_list(column.type) else 0
    return column.null_count + elements


def _same_type(given: pa.DataType, wanted: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_list(given) and pa.types.is_list(wanted):  # element names differ between writers
        return given.value_type == wanted.value_type
    return given == wanted
