"""What the bench makes of what its processes say: bars, rows, refusals."""

import csv

import pytest
from benching import table
from benching.processes import WrongResult

from stages.evaluation_bench import (
    coverage_case,
    export_case,
    identical_case,
    million_case,
    resume_case,
    run,
    speed_case,
    types_case,
)
from stages.evaluation_bench.bars import BARS
from tests.evaluation_bench.conftest import options


def verdicts(capsys):
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("BAR")]
    return {line[1]: (line[2], line[4]) for line in lines}


@pytest.mark.usefixtures("processes")
def test_whole_run_judges_each_bar_and_writes_rows(mirror, tmp_path, capsys):
    path = tmp_path / "rows.csv"
    assert run.main(["--csv", str(path), "--mirror", str(mirror)]) == 0
    assert verdicts(capsys) == {
        "export_difference": ("0.000", "holds"),
        "types_offline": ("7.000", "holds"),
        "statistics_compared": ("7.000", "holds"),
        "statistics_equal": ("7.000", "holds"),
        "identical_scores": ("1.000", "holds"),
        "resume_same": ("1.000", "holds"),
        "coverage_low": ("0.950", "holds"),
        "coverage_high": ("0.950", "holds"),
        "encode_fp32": ("1.500", "holds"),
        "encode_fp32_embedded": ("0.750", "short"),
        "encode_memory": ("0.900", "holds"),
        "million_rss_mib": ("987.000", "holds"),
    }
    rows = list(csv.DictReader(path.open()))
    found = {(row["case"], row["client"], row["measure"]): row for row in rows}
    assert len(found) == len(rows)
    assert {row["case"] for row in rows} == set(run.CASES)
    assert found["speed", "ours", "texts/s"]["to_peer"] == "1.5"
    assert (found["speed", "peer", "texts/s"]["runs"], found["speed", "peer", "texts/s"]["to_peer"]) == ("3", "1")
    assert found["million", "ours", "peak MiB"]["to_peer"] == ""


@pytest.mark.usefixtures("processes")
def test_without_a_mirror_what_needs_one_is_not_run(tmp_path, capsys):
    path = tmp_path / "rows.csv"
    assert run.main(["--csv", str(path)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("not run, no --mirror FOLDER; `python -m stages.evaluation.mirror pull FOLDER") == 2
    missing = {line.split()[1] for line in printed.splitlines() if line.endswith("not-run")}
    on_types = {"types_offline", "statistics_compared", "statistics_equal"}
    assert missing == on_types | {"encode_fp32", "encode_fp32_embedded", "encode_memory"}
    assert {row["case"] for row in csv.DictReader(path.open())} == run.CASES.keys() - {"types", "speed"}


def test_quick_run_writes_no_rows_and_judges_no_bar(processes, mirror, tmp_path, capsys):
    path = tmp_path / "rows.csv"
    assert run.main(["--quick", "--csv", str(path), "--mirror", str(mirror)]) == 0
    assert not path.exists()
    found = verdicts(capsys)
    assert len(found) == len(BARS)
    assert {verdict for _, verdict in found.values()} == {"not-run"}
    assert (processes.calls.count("ours"), processes.calls.count("stopped")) == (1, 2)


def test_case_that_goes_wrong_is_refused_and_the_others_are_judged(processes, mirror, tmp_path, capsys):
    processes.scores = {"ours": 0.3, "peer": 0.3002}
    assert run.main(["--csv", str(tmp_path / "rows.csv"), "--mirror", str(mirror)]) == 1
    printed = capsys.readouterr()
    assert "speed: refused, no figure from a run that went wrong" in printed.err
    assert "scores 0.300200 by mteb with sentence-transformers, 0.300000 by ours" in printed.err
    assert [line.split()[1] for line in printed.out.splitlines() if line.endswith("not-run")] == [
        "encode_fp32",
        "encode_fp32_embedded",
        "encode_memory",
    ]


def test_ctrl_c_ends_with_130(processes, tmp_path, monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "scored", stop)
    assert run.main(["--csv", str(tmp_path / "rows.csv")]) == 130
    assert verdicts(capsys)["export_difference"] == ("0.000", "holds")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "all"], "invalid choice"),
        (["--mirror", "nowhere"], "the mirror nowhere does not exist"),
        (["--csv", "other.csv"], "Move that file away"),
    ],
)
def test_command_that_cannot_be_followed_is_told(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.csv").write_text("a,b\n")
    with pytest.raises(SystemExit) as caught:
        run.main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_largest_distance_is_judged(processes):
    processes.distance = 1e-6 / 7.5
    result = export_case.run(options())
    assert result.figures["export_difference"] == pytest.approx(8 / 7.5 * 1e-6)
    assert len(result.rows) == 8


def test_type_that_fails_does_not_count_and_its_reason_is_shown(processes, mirror):
    processes.failure = "cannot load\nmore"
    result = types_case.run(options(mirror=mirror))
    assert result.figures == {"types_offline": 6, "statistics_compared": 6, "statistics_equal": 6}
    assert ("Classification", "Classification0", "-", "failed: cannot load") in result.table
    assert ("Retrieval", "Retrieval7", "0.5000", "equal to mteb's, all 20") in result.table  # the smaller one


def test_statistics_that_differ_are_verified_and_named(processes, mirror):
    processes.differ = ["a", "b", "c", "d"]
    result = types_case.run(options(mirror=mirror))
    assert result.figures == {"types_offline": 7, "statistics_compared": 7, "statistics_equal": 6}
    assert "4 of 20 differ: a, b, c, ..." in table.render(result)
    assert "equal to those that mteb ships: 6 of 7 tasks" in table.render(result)


@pytest.mark.usefixtures("processes")
def test_type_that_the_mirror_does_not_have_is_told(mirror):
    (path,) = mirror.glob("*.json")
    path.write_text(path.read_text().replace('"STS"', '"InstructionRetrieval"'))
    result = types_case.run(options(mirror=mirror))
    assert result.figures["types_offline"] == 6
    assert result.table[-1] == ("STS", "-", "-", "the mirror has no such task")


def test_one_digit_makes_two_scores_differ_but_nan_equals_nan(processes, mirror):
    processes.plain_score = 0.5 + 1e-16 * 2
    result = identical_case.run(options(mirror=mirror))
    assert result.figures["identical_scores"] == 14 / 15
    assert [line for line in result.table if line[-1] != "0"] == [
        result.table[0],
        ("DocsRetrieval", "0.5000", "2", "1"),
    ]


def test_file_that_differs_after_a_stop_is_named(processes):
    processes.files_after = {"3.json": "other"}
    result = resume_case.run(options())
    assert result.figures["resume_same"] == 0
    assert result.table[1] == ("encoding", "2 shards", "100", "3.json")
    assert result.table[-1][:2] == ("DocsSTS", "5 tasks")


def test_killed_run_that_kept_less_than_it_had_done_is_refused(processes):
    processes.kept = 1
    with pytest.raises(WrongResult, match="killed at encoding left 1 finished parts, not 2"):
        resume_case.run(options())


def test_least_and_largest_coverage_are_judged(processes):
    processes.held = 450
    result = coverage_case.run(options())
    assert result.figures == {"coverage_low": 0.9, "coverage_high": 0.95}


def test_sides_alternate_and_every_other_round_goes_backwards(processes, mirror):
    speed_case.run(options(mirror=mirror))
    assert processes.calls == ["prepared", "ours", "peer", "peer", "ours", "ours", "peer"]


@pytest.mark.usefixtures("processes")
def test_speed_is_of_the_retrieval_tasks_alone_and_says_what_was_embedded(mirror):
    shown = table.render(speed_case.run(options(mirror=mirror)))
    assert shown.startswith("speed: Retrieval7, Retrieval4\n")
    assert "1,200 texts that mteb hands over" in shown
    assert "once: 600" in shown


def test_other_embeddings_are_refused(processes, mirror):
    processes.cosine = 0.999
    with pytest.raises(WrongResult, match=r"has cosine 0\.99900 to that of the peer"):
        speed_case.run(options(mirror=mirror))


def test_corpus_that_was_not_encoded_whole_is_refused(processes):
    processes.million_texts = 5
    with pytest.raises(WrongResult, match="5 texts were encoded, not 1,000,100"):
        million_case.run(options())
