"""A comparison as text, Markdown, CSV and JSON."""

import csv
import io
import json

import pytest

from stages.evaluation.compare.comparison import compare
from stages.evaluation.compare.formats import render
from stages.evaluation.compare.runs import Run
from tests.evaluation.compare.conftest import model, rows


def scored(version="2.26.0", tasks=("DocsRetrieval", "DocsReranking", "DocsSTS"), **about):
    """What tasks.json says."""
    return {"mteb": version, "tasks": {task: {"revisions": {task: "1"}, **about} for task in tasks}}


def comparison_of(first, second):
    return compare(Run("one", "encoder", first, scored()), Run("other", "[bm25]", second, scored()), resamples=1_000)


@pytest.fixture(scope="module")
def comparison():
    first = model(0.5, ["DocsRetrieval", "DocsSTS", "SciFact"]) + rows("DocsReranking", [0.1, 0.2, 0.3])
    second = model(0.6, ["DocsRetrieval", "NFCorpus"]) + model(0.5, ["DocsSTS"])
    return comparison_of(first, second + rows("DocsReranking", [0.2, 0.1, 0.3, 0.9]))


@pytest.fixture(scope="module")
def text(comparison):
    return render(comparison, "text")


def test_text_names_the_runs_and_shows_each_line(text):
    assert text.startswith("A  one, model encoder\nB  other, model [bm25]\n")
    row = next(line for line in text.splitlines() if line.startswith("  DocsRetrieval"))
    assert row.split()[:5] == ["DocsRetrieval", "200", "49.99", "59.85", "+9.86"]
    assert row.split()[6] == "to"
    assert row.endswith("<0.001 *")
    for heading in ("by type", "overall", "  mean over tasks", "  mean over types"):
        assert heading in text


def test_text_says_what_is_beyond_chance_and_what_was_not_compared(text):
    assert "Beyond chance (p below 0.05): DocsRetrieval, Retrieval" in text
    assert "corrected (Holm) over 3 tasks and over 3 types" in text
    assert "Only in A, in no mean here: SciFact." in text
    assert "Only in B, in no mean here: NFCorpus." in text
    assert "Warning: DocsReranking: left out 0 samples that only A has and 1 that only B has." in text


def test_text_says_so_when_nothing_is_beyond_chance():
    same = model(0.5)
    text = render(comparison_of(same, same), "text")
    assert "No difference is beyond chance: no p is below 0.05." in text
    assert "Only in" not in text
    assert "Warning" not in text


def test_missing_interval_is_a_dash():
    text = render(comparison_of(rows("DocsSTS", [0.5]), rows("DocsSTS", [0.6])), "text")
    assert next(line for line in text.splitlines() if "DocsSTS" in line).split()[-2:] == ["–", "–"]


def test_markdown_is_a_table_with_the_notes_below(comparison):
    lines = render(comparison, "markdown").splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table} == {8}
    assert table[0] == "| task | n | A | B | B − A | 95% interval | p |"
    assert len(table) == 2 + 3 + 1 + 3 + 1 + 2
    assert lines[:2] == ["- A: one, model encoder", "- B: other, model [bm25]"]
    assert "Only in A, in no mean here: SciFact." in lines


def test_csv_and_json_have_full_precision(comparison):
    table = list(csv.DictReader(io.StringIO(render(comparison, "csv"))))
    value = json.loads(render(comparison, "json"))
    assert [row["level"] for row in table] == ["task"] * 3 + ["type"] * 3 + ["mean"] * 2
    for row, line in zip(table, [*value["tasks"], *value["types"], *value["means"]], strict=True):
        for name in ("a", "b", "difference", "low", "high", "p", "p_corrected"):
            assert float(row[name]) == line[name]
    first = comparison.task_lines[0]
    assert (value["tasks"][0]["difference"], value["tasks"][0]["p"]) == (first.difference, first.p_value)


def test_json_has_types_and_what_was_not_compared(comparison):
    value = json.loads(render(comparison, "json"))
    assert {line["name"]: line["type"] for line in value["tasks"]} == {
        "DocsReranking": "Reranking",
        "DocsRetrieval": "Retrieval",
        "DocsSTS": "STS",
    }
    assert (value["only_in_a"], value["only_in_b"]) == (["SciFact"], ["NFCorpus"])
    assert value["unpaired_samples"] == {"DocsReranking": {"a": 0, "b": 1}}
    assert value["resamples"] == 1_000
    assert "DocsRetrieval" in value["beyond_chance"]


def compared(first, second, count=50):
    """DocsRetrieval and DocsSTS in two runs, scored as these tasks.json say."""
    given = model(0.5, ("DocsRetrieval", "DocsSTS"), count)
    return compare(Run("one", "encoder", given, first), Run("other", "encoder", given, second), resamples=100)


BY_HAND = scored(data="folder")
DOUBTS = [
    (scored(), scored(), []),
    (scored(), {}, ["the versions and revisions of B are unknown"]),
    ({}, {}, ["the versions and revisions of A are unknown", "the versions and revisions of B are unknown"]),
    (scored(), scored("2.30.0"), ["A was scored with mteb 2.26.0, B with mteb 2.30.0"]),
    (scored(), scored(tasks=["DocsSTS"]), ["the revisions of DocsRetrieval are unknown in B"]),
    (BY_HAND, scored(data="hub"), ["DocsRetrieval, DocsSTS: only in A the data come from a folder that was filled"]),
    (scored(), BY_HAND, ["DocsRetrieval, DocsSTS: only in B the data come from a folder that was filled"]),
    (BY_HAND, BY_HAND, []),
]


@pytest.mark.parametrize(("first", "second", "expected"), DOUBTS)
def test_what_may_make_scores_differ_beside_the_models_is_told(first, second, expected):
    comparison = compared(first, second)
    said = json.loads(render(comparison, "json"))["warnings"]
    assert [line[: len(start)] for line, start in zip(said, expected, strict=True)] == expected
    for form in ("text", "markdown"):
        shown = render(comparison, form)
        assert shown.count("Warning") == len(said)
        assert all(f"Warning: {line}" in shown for line in said)


def test_task_of_other_data_is_named_with_both_revisions():
    second = scored()
    second["tasks"]["DocsSTS"]["revisions"] = {"DocsSTS": "2"}
    comparison = compared(scored(), second)
    told = "DocsSTS: not compared, A has revision 1 of its data, B has 2."
    for form in ("text", "markdown"):
        assert f"Warning: {told}" in render(comparison, form)
    value = json.loads(render(comparison, "json"))
    assert value["other_data"] == {"DocsSTS": {"a": {"DocsSTS": "1"}, "b": {"DocsSTS": "2"}}}
    assert value["warnings"] == [told]
    assert [line["name"] for line in value["tasks"]] == ["DocsRetrieval"]


def test_of_a_task_of_many_parts_those_that_differ_are_shown():
    first, second = scored(), scored()
    first["tasks"]["DocsSTS"]["revisions"] = {"same": "0", "one": "1", "gone": "2"}
    second["tasks"]["DocsSTS"]["revisions"] = {"same": "0", "one": "3"}
    assert "A has revision 1, 2 of its data, B has 3, none." in render(compared(first, second), "text")
