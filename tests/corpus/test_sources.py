"""Documents from packages, local files and data sets."""

import json

import pandas as pd
import pytest

from stages.corpus.sources import read
from stages.shared.errors import UserError
from stages.shared.settings import Columns, FilesSource, HubSource, PackagesSource

BODY = "A passage of sixteen words that answers the query in full, so that cleaning lets it pass here."
COLUMNS = Columns(summary="question", body="passage")


def rows(name, count=3):
    return [{"question": f"What does {name} {index} mean?", "passage": f"{index} {BODY}"} for index in range(count)]


def write(path, values):
    if path.suffix == ".parquet":
        pd.DataFrame(values).to_parquet(path)
    else:
        path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return str(path)


def files(settings, train, held_out, **change):
    values = {"train": train, "held_out": held_out, "columns": COLUMNS, "max_rows": 100, **change}
    return with_source(settings, FilesSource(kind="files", **values))


def hub(settings, path, **change):
    values = {"path": path, "config": None, "revision": "0123456", "train_split": "train", "held_out_split": "test"}
    return with_source(settings, HubSource(kind="hub", **{**values, "columns": COLUMNS, "max_rows": 100, **change}))


def with_source(settings, source):
    return settings.profile.corpus.model_copy(update={"source": source})


def message(corpus):
    with pytest.raises(UserError) as caught:
        read(corpus, 1)
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_files_give_one_document_a_row(settings, tmp_path, suffix):
    train, held_out = (write(tmp_path / f"{name}.{suffix}", rows(name)) for name in ("seen", "unseen"))
    seen, unseen = read(files(settings, train, held_out), 1)
    assert [row.summary for row in seen] == [f"What does seen {index} mean?" for index in range(3)]
    assert [row.body for row in seen] == [f"{index} {BODY}" for index in range(3)]
    assert {(row.source, row.kind, row.group, row.name) for row in unseen} == {("unseen", "pair", "unseen", "")}
    assert len({row.id for row in seen + unseen}) == 6


def test_no_more_than_max_rows_are_read(settings, tmp_path):
    path = write(tmp_path / "seen.jsonl", rows("seen", 9))
    assert len(read(files(settings, path, path, max_rows=2), 1)[0]) == 2


def test_rows_of_a_longer_file_are_drawn_from_all_of_it_and_are_the_same_again(settings, tmp_path):
    path = write(tmp_path / "seen.jsonl", rows("first", 50) + rows("second", 50))
    drawn, again = (read(files(settings, path, path, max_rows=20), 1)[0] for _ in range(2))
    assert drawn == again
    assert {row.summary.split()[2] for row in drawn} == {"first", "second"}
    assert len({row.id for row in drawn}) == 20


def test_spaces_are_made_single_and_long_bodies_cut(settings, tmp_path):
    path = write(tmp_path / "seen.jsonl", [{"question": "what \n is\tthis  thing", "passage": f"{BODY} " * 30}])
    (document,), _ = read(files(settings, path, path), 1)
    assert document.summary == "what is this thing"
    assert len(document.body) <= settings.profile.corpus.max_body_characters


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("change", [{"question": None}, {"passage": None}, {"question": "too short"}])
def test_row_without_enough_text_is_left_out(settings, tmp_path, suffix, change):
    path = write(tmp_path / f"seen.{suffix}", [{**rows("bad", 1)[0], **change}, *rows("good", 1)])
    corpus = files(settings, path, path).model_copy(update={"min_body_words": 1})
    assert [row.summary for row in read(corpus, 1)[0]] == ["What does good 0 mean?"]


def test_text_that_looks_like_a_date_or_a_number_stays_text(settings, tmp_path):
    columns = Columns(summary="date", body="modified")
    path = write(tmp_path / "seen.jsonl", [{"date": "2020-01-01", "modified": "0012"}])
    corpus = files(settings, path, path, columns=columns)
    (document,), _ = read(corpus.model_copy(update={"min_summary_words": 1, "min_body_words": 1}), 1)
    assert (document.summary, document.body) == ("2020-01-01", "0012")


def test_missing_file_is_named(settings, tmp_path):
    assert f"the file {tmp_path}/none.jsonl does not exist" in message(
        files(settings, f"{tmp_path}/none.jsonl", f"{tmp_path}/none.jsonl")
    )


@pytest.mark.parametrize("name", ["seen.jsonl", "seen.parquet"])
def test_unreadable_file_is_named(settings, tmp_path, name):
    (tmp_path / name).write_text("{not json, not parquet")
    path = str(tmp_path / name)
    assert f"{path} is neither JSONL nor Parquet" in message(files(settings, path, path))


def test_missing_column_of_a_file_is_told_with_those_that_it_has(settings, tmp_path):
    path = write(tmp_path / "seen.jsonl", rows("seen"))
    text = message(files(settings, path, path, columns=Columns(summary="query", body="passage")))
    assert "seen has no column 'query'; it has question, passage" in text
    assert "corpus.source.columns" in text


@pytest.fixture
def data_set(tmp_path):
    """A folder that `datasets` opens as a data set with two splits."""
    folder = tmp_path / "qa"
    folder.mkdir()
    for split in ("train", "test"):
        write(folder / f"{split}.jsonl", rows(split, 4))
    return folder


def test_data_set_gives_train_and_held_out_documents(settings, data_set):
    train, held_out = read(hub(settings, str(data_set), max_rows=3), 1)
    assert [row.summary for row in train] == [f"What does train {index} mean?" for index in range(3)]
    assert [row.summary for row in held_out] == [f"What does test {index} mean?" for index in range(3)]
    assert {row.source for row in train + held_out} == {str(data_set)}


def test_missing_column_of_a_data_set_is_told_with_those_that_it_has(settings, data_set):
    text = message(hub(settings, str(data_set), columns=Columns(summary="question", body="answer")))
    assert f"{data_set} has no column 'answer'; it has question, passage" in text


def test_unknown_split_is_told(settings, data_set):
    text = message(hub(settings, str(data_set), held_out_split="dev"))
    assert "split dev" in text


def test_data_set_out_of_reach_is_told_with_what_to_set(settings):
    text = message(hub(settings, "owner/data", revision="abcdef0"))
    assert "cannot load the data set owner/data (config None, split train, revision abcdef0)" in text
    assert "corpus.source" in text
    assert "runtime.offline is false" in text


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Two importable packages with one documented function each."""
    for name in ("madeup", "kept"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(
            f'def f():\n    """Compute the {name} of all.\n\n    {BODY}\n    """'
        )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.usefixtures("packages", "repository")
def test_packages_give_documents_with_their_place_and_whole_packages_are_held_out(settings):
    source = PackagesSource(kind="packages", train=["madeup"], held_out=["kept"], max_per_package=5)
    (train,), (held_out,) = read(with_source(settings, source), 1)
    assert (train.source, train.kind, train.group, train.name) == ("madeup", "function", "madeup", "f")
    assert (train.summary, train.body) == ("Compute the madeup of all.", BODY)
    assert held_out.source == "kept"


def test_package_that_is_not_installed_is_named(settings, repository):
    (repository / "constraints.txt").write_text("numpy==1.0\n")
    source = PackagesSource(kind="packages", train=["no_such_package"], held_out=["numpy"], max_per_package=5)
    assert "package 'no_such_package', which is not installed" in message(with_source(settings, source))


@pytest.mark.usefixtures("packages")
def test_version_other_than_the_pinned_one_is_warned_about(settings, repository, capsys):
    (repository / "constraints.txt").write_text("tqdm==0.1\n")
    source = PackagesSource(kind="packages", train=["madeup"], held_out=["tqdm"], max_per_package=5)
    read(with_source(settings, source), 1)
    assert "constraints.txt pins 0.1" in capsys.readouterr().err
