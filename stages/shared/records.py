"""The rows that stages hand to each other, and the one way to write and read them.

A record is a frozen dataclass; its Parquet schema follows from its annotations. Ids are content hashes. Files are zstd
Parquet without timestamps, so the same rows give the same bytes.

pyarrow is imported where it is used: it loads numpy, which must come after `runtime.pin`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_type_hints

from stages.shared.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

KINDS = ("short_long", "long_short", "short_short", "long_long", "symmetric")
"""Task kinds of MGH synthesis: four asymmetric ones (query length, document length) and paraphrase (STS)."""

LEVELS = ("high", "medium", "medium", "low")
"""Similarity levels asked of the LLM, hardest first: negatives[0] is N1 (hardest), negatives[3] is N4 (easiest)."""

SOURCES = ("task", "grounded", "retrieval")
"""What a request starts from: a brainstormed task; a task and a text of the corpus; a public retrieval pair."""

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
    source: str  # one of SOURCES
    task_id: str  # "" for a retrieval pair
    seed_id: str  # the Document that the prompt quotes, "" for a task alone
    kind: str
    language: str  # ISO 639-1, of every text that is asked for
    query_words: list[int]  # fewest and most words of the query
    document_words: list[int]  # and of the positive and the negatives
    instruction: str  # the task's description, the instruction of the sample's query
    prompt: str  # user message


@dataclass(frozen=True, slots=True)
class Sample:
    """One accepted MGH sample."""

    id: str
    request_id: str
    source: str
    task_id: str
    seed_id: str
    kind: str
    language: str
    attempt: int  # 0 for the first answer, 1 for the first re-ask, ...
    repairs: list[str]  # what had to be mended before the answer could be read
    instruction: str
    query: str
    positive: str
    negatives: list[str]  # four, N1 first


@dataclass(frozen=True, slots=True)
class Rejection:
    """An answer that gave no sample, and why."""

    request_id: str
    kind: str
    attempt: int
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


@dataclass(frozen=True, slots=True)
class SampleScore:
    """What one model got for one sample of one task: what intervals and paired comparisons are drawn from.

    The score of a stratum is its `statistic` over its rows, that of a task the mean over its strata.
    """

    task: str  # as it stands in the tables
    stratum: str  # "split/subset", with the part in front where a task has parts: CQADupstackGis/test/default
    sample: str  # the same in every run: a query's id, or the place of a pair
    statistic: str  # mean | spearman | pearson | average_precision
    gold: float  # label or graded similarity; 0.0 where the statistic is a mean
    scores: list[float]  # one; several ways to compare for average_precision, of which the best one counts


Record = TypeVar("Record")


@cache
def schema_of(record: type) -> pa.Schema:
    """The Arrow schema of a record type; no column may hold nulls."""
    import pyarrow as pa

    types = {
        str: pa.string(),
        int: pa.int64(),
        float: pa.float64(),
        bool: pa.bool_(),
        list[str]: pa.list_(pa.string()),
        list[int]: pa.list_(pa.int64()),
        list[float]: pa.list_(pa.float64()),
    }
    return pa.schema([pa.field(name, types[hint], nullable=False) for name, hint in get_type_hints(record).items()])


ROWS_PER_GROUP = 1_000
"""Rows that are held in memory while a file is written or read."""


class RecordWriter:
    """Writes rows one by one, in flat memory; the file is complete when the block ends, and absent if it fails."""

    def __init__(self, path: str | Path, record: type[Record]):
        self._path, self._record, self._rows, self._count = Path(path), record, [], 0

    def __enter__(self) -> RecordWriter:
        import pyarrow.parquet as pq

        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._schema = schema_of(self._record)
        self._file = pq.ParquetWriter(self._path, self._schema, compression="zstd", write_statistics=False)
        return self

    def __len__(self) -> int:
        return self._count

    def write(self, row: Record) -> None:
        self._rows.append(row)
        self._count += 1
        if len(self._rows) == ROWS_PER_GROUP:
            self._flush()

    def __exit__(self, failure: type[BaseException] | None, *_) -> None:
        if failure is None:
            self._flush()
        self._file.close()
        if failure is not None:
            self._path.unlink(missing_ok=True)

    def _flush(self) -> None:
        import pyarrow as pa

        columns = {name: [getattr(row, name) for row in self._rows] for name in self._schema.names}
        self._file.write_table(pa.table(columns, schema=self._schema))
        self._rows.clear()


def write_records(path: str | Path, record: type[Record], rows: Iterable[Record]) -> int:
    """Write `rows` to a Parquet file, in order, and return how many there were."""
    with RecordWriter(path, record) as writer:
        for row in rows:
            writer.write(row)
        return len(writer)


def read_records(path: str | Path, record: type[Record]) -> list[Record]:
    """Read a Parquet file of `record` rows.

    Raises UserError when the file is missing or unreadable, or a column is missing, unknown, mistyped or has nulls.
    """
    return list(iter_records(path, record))


def iter_records(path: str | Path, record: type[Record]) -> Iterator[Record]:
    """The same row by row, in flat memory."""
    import pyarrow as pa

    path = Path(path)
    schema = schema_of(record)
    try:
        with _checked_file(path, schema) as file:
            for batch in file.iter_batches(batch_size=ROWS_PER_GROUP, use_threads=False):
                columns = []
                for field in schema:
                    column = batch[field.name]
                    if nulls := _null_count(column):
                        raise UserError(f"{path}: column {field.name} has {nulls} nulls", next=_REBUILD)
                    columns.append(column.to_pylist())
                for values in zip(*columns, strict=True):
                    yield record(*values)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path} is not a readable Parquet file: {error}", next=_REBUILD) from error


def count_records(path: str | Path, record: type[Record]) -> int:
    """How many rows there are, without reading them."""
    with _checked_file(Path(path), schema_of(record)) as file:
        return file.metadata.num_rows


_REBUILD = "run `dvc repro` to make it again, or mend the file if it is your own"


def _checked_file(path: Path, schema: pa.Schema) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        raise UserError(f"{path} does not exist", next=_REBUILD)
    try:
        # Arrow's default keeps the bytes of every row group that was read until the file is closed.
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=65_536)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path} is not a readable Parquet file: {error}", next=_REBUILD) from error
    given = file.schema_arrow
    if missing := [name for name in schema.names if name not in given.names]:
        raise UserError(f"{path}: missing column {', '.join(missing)} (has {', '.join(given.names)})", next=_REBUILD)
    if unknown := [name for name in given.names if name not in schema.names]:
        raise UserError(
            f"{path}: unknown column {', '.join(unknown)} (allowed {', '.join(schema.names)})", next=_REBUILD
        )
    for field in schema:
        if not _same_type(given.field(field.name).type, field.type):
            wrong = f"column {field.name} is {given.field(field.name).type}, must be {field.type}"
            raise UserError(f"{path}: {wrong}", next=_REBUILD)
    return file


def _null_count(column: pa.Array) -> int:
    import pyarrow as pa

    elements = column.flatten().null_count if pa.types.is_list(column.type) else 0
    return column.null_count + elements


def _same_type(given: pa.DataType, wanted: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_list(given) and pa.types.is_list(wanted):  # element names differ between writers
        return given.value_type == wanted.value_type
    return given == wanted
