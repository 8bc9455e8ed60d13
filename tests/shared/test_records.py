"""Record files: what is written is read, and every file that breaks the contract is refused by name."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.shared.errors import UserError
from stages.shared.records import Document, Task, TrainingSample, read_records, write_records

TASKS = [Task("1", "short_long", "Given a symptom, find the report."), Task("2", "symmetric", "Naïve — “same”")]
COLUMNS = {"id": ["1"], "kind": ["symmetric"], "description": ["x"]}


def message(path, record):
    with pytest.raises(UserError) as caught:
        read_records(path, record)
    return str(caught.value)


def test_rows_come_back_equal_and_in_order(tmp_path, documents):
    path = tmp_path / "new" / "folder" / "documents.parquet"
    assert write_records(path, Document, iter(documents)) == len(documents)
    assert read_records(path, Document) == documents


@pytest.mark.parametrize("negatives", [[], ["a", "b", "c", "d"], [""]])
def test_lists_of_texts_come_back_equal(tmp_path, negatives):
    row = TrainingSample("1", "symmetric", "i", "q", "p", negatives)
    write_records(tmp_path / "rows.parquet", TrainingSample, [row])
    assert read_records(tmp_path / "rows.parquet", TrainingSample) == [row]


def test_no_rows_come_back_as_no_rows(tmp_path):
    write_records(tmp_path / "none.parquet", Task, [])
    assert read_records(tmp_path / "none.parquet", Task) == []


def test_same_rows_give_the_same_bytes(tmp_path, documents):
    for name in ("one", "two"):
        write_records(tmp_path / name, Document, documents)
    write_records(tmp_path / "other", Document, documents[::-1])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_file_of_another_parquet_writer_is_read(tmp_path):
    path = tmp_path / "rows.parquet"
    columns = {"id": ["1"], "kind": ["k"], "instruction": ["i"], "query": ["q"], "positive": ["p"]}
    lists = pa.array([["n"]], pa.list_(pa.field("another_name", pa.string())))
    pq.write_table(pa.table({**columns, "negatives": lists}), path, compression="snappy")
    assert read_records(path, TrainingSample) == [TrainingSample("1", "k", "i", "q", "p", ["n"])]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"id": ["1"], "kind": ["k"]}, "missing column description (has id, kind)"),
        ({**COLUMNS, "score": [1.0]}, "unknown column score (allowed id, kind, description)"),
        ({**COLUMNS, "id": [1]}, "column id is int64, must be string"),
        ({**COLUMNS, "kind": pa.array([None], pa.string())}, "column kind has 1 nulls"),
    ],
)
def test_table_that_breaks_the_contract_is_refused_with_file_and_column(tmp_path, columns, told):
    path = tmp_path / "tasks.parquet"
    pq.write_table(pa.table(columns), path)
    assert f"{path}: {told}" in message(path, Task)


def test_null_inside_a_list_is_refused(tmp_path):
    path = tmp_path / "samples.parquet"
    write_records(path, TrainingSample, [TrainingSample("1", "k", "i", "q", "p", ["n", None])])
    assert "column negatives has 1 nulls" in message(path, TrainingSample)


def test_file_that_is_not_parquet_is_refused_with_what_to_run(tmp_path):
    path = tmp_path / "tasks.parquet"
    path.write_text("id,kind\n1,k\n")
    text = message(path, Task)
    assert f"{path} is not a readable Parquet file" in text
    assert "dvc repro" in text


def test_truncated_parquet_file_is_refused(tmp_path):
    path = tmp_path / "tasks.parquet"
    write_records(path, Task, TASKS)
    path.write_bytes(path.read_bytes()[:-20])
    assert "is not a readable Parquet file" in message(path, Task)


def test_missing_file_is_refused_with_what_to_run(tmp_path):
    text = message(tmp_path / "tasks.parquet", Task)
    assert f"{tmp_path / 'tasks.parquet'} does not exist" in text
    assert "dvc repro" in text
