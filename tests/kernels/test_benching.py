"""What the benches share: processes and what they say, a run's cases, made-up texts."""

import csv
import json
import os
import signal
import sys
from dataclasses import dataclass

import pytest
from benching import loop
from benching.bars import Bar
from benching.made_up import Writer
from benching.processes import WrongResult, dies, peak_mib, require, said, tell
from benching.provenance import provenance
from benching.table import Result

SPEAKER = """
import os, signal, sys
from benching.processes import tell

def act(what):
    print("on its way")
    if what == "fail":
        raise ValueError("cannot")
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"heard": what, "MARK": os.environ.get("MARK")}

tell(act)
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a module `speaker`."""
    (tmp_path / "speaker.py").write_text(SPEAKER)
    return tmp_path


def test_process_says_what_it_found_in_its_own_environment(folder):
    environment = os.environ | {"MARK": "x"}
    assert said("speaker", {"what": "ä"}, folder=folder, environment=environment) == {"heard": "ä", "MARK": "x"}


def test_process_that_fails_is_refused_with_its_last_words(folder):
    with pytest.raises(WrongResult, match=r"speaker .*\n(.*\n)*ValueError: cannot"):
        said("speaker", {"what": "fail"}, folder=folder)


def test_process_must_die_by_a_kill_where_one_is_due(folder):
    dies("speaker", {"what": "die"}, folder=folder)
    with pytest.raises(WrongResult, match="ended with 0, not by a kill"):
        dies("speaker", {"what": "live"}, folder=folder)


def test_what_is_told_is_the_last_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["module", '{"one": 1}'])
    tell(lambda one: {"two": 2 * one})
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"two": 2}


def test_peak_of_memory_is_that_of_this_process():
    before, held = peak_mib(), bytearray(64 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    assert 0 < before <= peak_mib() < 100_000
    assert peak_mib() >= len(held) / 2**20


def test_require():
    require(True, "no")
    with pytest.raises(WrongResult, match="no"):
        require(False, "no")


def test_provenance_names_the_versions():
    found = provenance(["numpy"])
    assert list(found) == ["date", "machine", "python", "numpy", "commit"]
    assert "cores" in found["machine"]


def test_made_up_texts_are_the_same_for_a_seed_and_as_long_as_asked():
    first, second, other = Writer("a"), Writer("a"), Writer("b")
    texts = [first.text(3, 9) for _ in range(20)]
    assert texts == [second.text(3, 9) for _ in range(20)] != [other.text(3, 9) for _ in range(20)]
    assert {len(text.split()) for text in texts} <= set(range(3, 10))
    assert len(first.text(300).split()) == 300
    assert first.text(0) == ""


@dataclass(frozen=True)
class Row:
    name: str


BARS = (Bar("one", ">=", 1), Bar("two", "<=", 2))


def result(name, figure):
    return Result(f"title {name}", [], [("what", "figure"), (name, str(figure))], [Row(name)], {name: figure})


def interrupt(_):
    raise KeyboardInterrupt


def go_wrong(_):
    raise WrongResult("it is wrong")


def run(cases, path):
    return loop.run_cases(cases, bars=BARS, row=Row, csv=path, about="about it")


def names(path):
    return [row["name"] for row in csv.DictReader(path.open())]


def test_whole_run_shows_tables_adds_rows_and_judges_bars(tmp_path, capsys):
    cases = {"one": lambda step: step("now") or result("one", 1), "two": lambda _: result("two", 3)}
    assert run(cases, tmp_path / "rows.csv") == 0
    out = capsys.readouterr().out
    assert "title one" in out
    assert out.endswith(
        f"rows are added to {tmp_path / 'rows.csv'}\nabout it\nBAR one 1.000 >=1 holds\nBAR two 3.000 <=2 short\n"
    )
    assert names(tmp_path / "rows.csv") == ["one", "two"]


def test_case_that_goes_wrong_gives_no_figure_and_costs_no_other(tmp_path, capsys):
    assert run({"one": go_wrong, "two": lambda _: result("two", 1)}, tmp_path / "rows.csv") == 1
    printed = capsys.readouterr()
    assert "one: refused, no figure from a run that went wrong:\nit is wrong" in printed.err
    assert printed.out.endswith("BAR one - >=1 not-run\nBAR two 1.000 <=2 holds\n")
    assert names(tmp_path / "rows.csv") == ["two"]


def test_results_before_the_one_that_goes_wrong_count(tmp_path, capsys):
    def case(_):
        yield result("one", 1)
        go_wrong(_)

    assert run({"both": case}, tmp_path / "rows.csv") == 1
    printed = capsys.readouterr()
    assert "both: refused" in printed.err
    assert printed.out.endswith("BAR one 1.000 >=1 holds\nBAR two - <=2 not-run\n")
    assert names(tmp_path / "rows.csv") == ["one"]


@pytest.mark.parametrize("stop", [interrupt, lambda _: signal.raise_signal(signal.SIGTERM)])
def test_stop_keeps_what_is_done(stop, tmp_path, capsys):
    cases = {"one": lambda _: result("one", 1), "stop": stop, "two": lambda _: result("two", 1)}
    assert run(cases, tmp_path / "rows.csv") == 130
    printed = capsys.readouterr()
    assert "stopped; what is done is kept" in printed.err
    assert printed.out.endswith("BAR one 1.000 >=1 holds\nBAR two - <=2 not-run\n")
    assert names(tmp_path / "rows.csv") == ["one"]


def test_without_a_file_nothing_is_judged(capsys):
    assert run({"one": lambda _: result("one", 1)}, None) == 0
    out = capsys.readouterr().out
    assert "title one" in out
    assert out.endswith(
        "quick: no rows written, no bar judged\nabout it\nBAR one - >=1 not-run\nBAR two - <=2 not-run\n"
    )


def test_case_that_was_not_run_leaves_no_file(tmp_path):
    nothing = Result("not run", [], [("a",), ("b",)], [], {})
    assert run({"one": lambda _: nothing}, tmp_path / "rows.csv") == 0
    assert not (tmp_path / "rows.csv").exists()
