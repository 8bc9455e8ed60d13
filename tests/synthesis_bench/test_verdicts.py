"""What the bench makes of what it saw: verdicts, counts and rows."""

import csv
import sqlite3

import pytest
from benching import table
from benching.bars import Bar, lines, verdict
from benching.csv_rows import append
from benching.table import Result

from stages.synthesis_bench import bars, our_client, rows, run
from stages.synthesis_bench.faults_case import miscounted
from stages.synthesis_bench.key_case import places
from stages.synthesis_bench.kills_case import asked_again, ledger_keys
from stages.synthesis_bench.queue_case import Sample, growth
from stages.synthesis_bench.results import Options, Recorder

PROVENANCE = dict.fromkeys(("date", "machine", "python", "openai", "aiohttp", "uvloop", "distilabel", "commit"), "x")


@pytest.mark.parametrize(
    ("sense", "limit", "figure", "expected"),
    [
        (">=", 0.95, 0.95, "holds"),
        (">=", 0.95, 0.9499, "short"),
        ("<=", 300, 300.0, "holds"),
        ("<=", 300, 300.1, "short"),
        ("<=", 0, 0, "holds"),
        ("<=", 0, float("nan"), "short"),
        (">=", 1, float("nan"), "short"),
        ("<=", 0, None, "not-run"),
    ],
)
def test_verdict(sense, limit, figure, expected):
    assert verdict(Bar("a", sense, limit), figure) == expected


def test_every_bar_has_a_line_and_a_figure_that_falls_short_is_not_rounded_to_one_that_holds():
    found = lines(bars.BARS, {"latency-to-ideal": 0.961, "faults-answerable-arrived": 0.99975, "key-places": 0})
    assert len(found) == len(bars.BARS)
    assert found[0] == "BAR latency-to-ideal 0.961 >=0.95 holds"
    assert "BAR core-to-loop - >=0.8 not-run" in found
    assert "BAR faults-answerable-arrived 0.99975 >=1 short" in found
    assert "BAR key-places 0.000 <=0 holds" in found


def test_figure_without_a_bar_is_refused():
    with pytest.raises(KeyError, match="no such bar: speed"):
        lines(bars.BARS, {"speed": 1.0})


def test_request_counts_as_asked_again_when_it_was_in_the_ledger_or_is_answered_twice(tmp_path):
    log = tmp_path / "log"
    log.write_text("asked old\nanswered old\n")
    start = log.stat().st_size
    with log.open("a") as file:
        file.write("asked new\n500 new\nasked new\nanswered new\n")  # a failure is no answer
        file.write("asked twice\nwrong_schema twice\nasked twice\nanswered twice\nasked old\nanswered old\nasked un")
    assert asked_again(log, 0, set()) == 2  # old and twice
    assert asked_again(log, start, set()) == 1
    assert asked_again(log, start, {"old"}) == 2
    assert asked_again(log, start, {"new", "twice"}) == 2


def test_ledger_is_read_as_the_dead_process_left_it_and_left_so(tmp_path):
    path = tmp_path / "ledger.sqlite"
    assert ledger_keys(path) == set()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("pragma journal_mode=wal")
    assert ledger_keys(path) == set()
    writer.execute("create table answers (key text)")
    writer.execute("insert into answers values ('a')")
    wal = tmp_path / "ledger.sqlite-wal"
    before = wal.read_bytes()
    assert before  # what is committed is in the log alone
    assert ledger_keys(path) == {"a"}
    assert wal.read_bytes() == before
    writer.close()


def test_failures_are_miscounted_when_missing_or_called_otherwise():
    counts = {"asked": 9, "answered": 4, "429": 2, "reset": 1, "truncated": 1, "wrong_schema": 1}
    failures = {"rate_limited": 2, "connection": 2}
    said = {"account": {"failures": failures}, "rejected": {"wrong_schema": 1}}
    assert miscounted(counts, said) == 0
    said["account"]["failures"] = {"rate_limited": 2, "timeout": 1, "connection": 1}
    assert miscounted(counts, said) == 2


def test_key_is_found_in_any_file(tmp_path):
    (tmp_path / "clean").write_text("nothing")
    (tmp_path / "wal").write_bytes(b"\x00\xff sk-1 \x00")
    assert list(places(sorted(tmp_path.iterdir()), "sk-1")) == ["wal"]


def test_growth_is_the_slope_over_the_second_half_of_the_answers():
    climbing = [Sample(second, 1000 * second, 100 + 50 * second) for second in range(1, 11)]
    flat = [Sample(second, 1000 * second, 600) for second in range(11, 41)]
    assert growth(climbing + flat) == pytest.approx(0)
    assert growth(climbing) == pytest.approx(5000)  # 50 MiB for each 1,000


def test_rows_are_appended_under_one_header(tmp_path):
    path = tmp_path / "rows.csv"
    recorder = Recorder(Options(False, False, None, PROVENANCE, print), "core", "w")
    recorder.add("ours", "requests/s", 1.0, 2.0, 3.0, 4.0, 5.0, to_loop=0.9)
    recorder.add("ours", "count", 7)
    append(path, rows.Row, recorder.rows[:1])
    append(path, rows.Row, recorder.rows[1:])
    first, second = csv.DictReader(path.open())
    assert (first["value_20"], first["value_50"], first["value_80"], first["to_loop"]) == ("1.8", "3", "4.2", "0.9")
    assert (second["runs"], second["value_50"], second["to_loop"]) == ("1", "7", "")
    path.write_text("a,b\n")
    with pytest.raises(ValueError, match="Move that file away"):
        append(path, rows.Row, recorder.rows)


def test_table_puts_numbers_to_the_right():
    result = Result("title", ["note"], [("what", "count"), ("a", "5"), ("longer", "1,000")], [], {})
    assert table.render(result) == "title\n  note\n  what    count\n  a           5\n  longer  1,000"


def test_quick_run_writes_no_rows_and_judges_no_bar(tmp_path, capsys):
    path = tmp_path / "rows.csv"
    assert run.main(["--only", "latency", "--quick", "--csv", str(path)]) == 0
    assert not path.exists()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BAR")]
    assert len(lines) == len(bars.BARS)
    assert all(line.endswith("not-run") for line in lines)


def test_profile_is_read_as_dvc_writes_it_after_an_experiment(tmp_path, monkeypatch):
    text = (our_client.ROOT / "profiles/tiny.yaml").read_text(encoding="utf-8")
    assert 'precision: "no"' in text
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/tiny.yaml").write_text(text.replace('precision: "no"', "precision: no"), encoding="utf-8")
    monkeypatch.setattr(our_client, "ROOT", tmp_path)
    assert our_client.read_profile(our_client.Work("", "", "http://127.0.0.1:1/v1")).runtime.precision == "no"
