"""Every form of the prompt as a file to read. `python -m pytest tests/prompts --update-snapshots` writes them anew."""

import difflib
from pathlib import Path

import pytest

from stages.prompts.phrases import CLARITY, DIFFICULTY
from stages.prompts.variants import Variant
from stages.prompts.wording import write_prompt
from stages.shared.records import KINDS, Document
from stages.shared.text import RETRIEVAL_INSTRUCTION

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = "python -m pytest tests/prompts --update-snapshots"

TASKS = {
    "short_long": "Given a symptom of a machine, retrieve the section of the manual that says how to mend it.",
    "long_short": "Given the abstract of a paper, retrieve the field of research that it belongs to.",
    "short_short": "Given the name of a tool, retrieve a phrase that says what it is used for.",
    "long_long": "Given a patient's history, retrieve the report of a similar case.",
    "symmetric": "Given a question, retrieve another that asks the same in other words.",
}
DOCUMENT = Document(
    id="bicycle",
    source="manuals",
    kind="pair",
    group="manuals.bicycle",
    name="",
    summary="Adjust the brakes of a bicycle.",
    body="Loosen the bolt of the cable, pull the cable until the pads stand two millimetres from the rim, and tighten "
    "the bolt. Spin the wheel: it must turn freely, and stop at once when the lever is pulled halfway.",
)


def prompt(source="task", kind="short_long", query=(5, 12), documents=(80, 150), clarity="clear", **others):
    """One prompt whose lengths suit its kind unless they are given."""
    axes = {"difficulty": "college", "language": "en"} | others
    variant = Variant(list(query), list(documents), None if kind == "symmetric" else clarity, **axes)
    task = RETRIEVAL_INSTRUCTION if source == "retrieval" else TASKS[kind]
    return write_prompt(source, kind, task, variant, None if source == "task" else DOCUMENT)


LENGTHS = {
    "short_long": {},
    "long_short": {"query": (80, 150), "documents": (2, 6)},
    "short_short": {"query": (2, 6), "documents": (10, 25)},
    "long_long": {"query": (150, 250), "documents": (150, 250)},
    "symmetric": {"query": (10, 25), "documents": (10, 25)},
}
CASES = {
    **{
        f"{source}_{kind}": {"source": source, "kind": kind, **LENGTHS[kind]}
        for source in ("task", "grounded")
        for kind in KINDS
    },
    "retrieval_short_long": {"source": "retrieval"},
    **{f"clarity_{value}": {"clarity": value} for value in CLARITY},
    "clarity_ambiguous_long_query": {"clarity": "ambiguous", "kind": "long_short", **LENGTHS["long_short"]},
    **{f"difficulty_{value}": {"difficulty": value} for value in DIFFICULTY},
    "length_at_most": {"query": (1, 60), "documents": (5, 120)},
    "length_at_most_symmetric": {"kind": "symmetric", "query": (1, 60), "documents": (1, 60)},
    "length_exact": {"kind": "short_short", "query": (3, 3), "documents": (7, 7)},
    "length_longest": {"kind": "long_long", "query": (250, 400), "documents": (250, 400)},
    "language_german": {"language": "de"},
    "language_japanese_retrieval": {"language": "ja", "source": "retrieval"},
}


@pytest.mark.parametrize("name", CASES)
def test_prompt_reads_as_in_its_snapshot(name, updating):
    path, written = SNAPSHOTS / f"{name}.txt", prompt(**CASES[name])
    if updating:
        path.write_text(written, encoding="utf-8", newline="\n")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    difference = "".join(
        difflib.unified_diff(kept.splitlines(keepends=True), written.splitlines(keepends=True), "snapshot", "now")
    )
    if difference:
        pytest.fail(f"{path.name} differs; if that is meant, run `{UPDATE}` and read the diff\n{difference}", False)


def test_there_is_no_snapshot_without_a_prompt():
    assert {path.stem for path in SNAPSHOTS.iterdir()} == set(CASES)
