"""Which of several equal or similar documents stays."""

from dataclasses import replace

import pytest

from stages.corpus.duplicates import drop_duplicates

NONE = {"duplicate_summary": 0, "duplicate_body": 0, "near_duplicate": 0}
WORDS = [f"word{index}" for index in range(60)]


@pytest.fixture
def first(documents):
    return replace(documents[0], summary="The first summary", body=" ".join(WORDS))


def test_different_documents_all_stay_in_order(documents):
    rows = [replace(row, body=" ".join(f"{row.id}{word}" for word in WORDS)) for row in documents]
    rows = [replace(row, summary=row.id) for row in rows]
    assert drop_duplicates(rows, 0.8) == (rows, NONE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"summary": "the FIRST summary!", "body": "other words here"}, "duplicate_summary"),
        ({"summary": "another", "body": " ".join(WORDS).upper() + "."}, "duplicate_body"),
        ({"summary": "another", "body": " ".join([*WORDS, "more"])}, "near_duplicate"),
    ],
)
def test_later_duplicate_goes_and_its_reason_is_counted(first, change, reason):
    second = replace(first, id="second", **change)
    assert drop_duplicates([first, second], 0.8) == ([first], {**NONE, reason: 1})
    assert drop_duplicates([second, first], 0.8)[0] == [second]


def test_threshold_decides_what_is_near(first):
    # 58 shingles each, of which 44 are shared: a Jaccard similarity of 44 / 72 = 0.61.
    second = replace(first, id="second", summary="another", body=" ".join([*WORDS[:46], *"abcdefghijklmn"]))
    assert drop_duplicates([first, second], 0.3)[0] == [first]
    assert drop_duplicates([first, second], 0.9)[0] == [first, second]
