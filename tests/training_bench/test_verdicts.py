"""What the bench makes of what its processes say: ratios, bars, rows, refusals."""

import csv

import numpy as np
import pytest
from benching import table
from benching.processes import WrongResult
from benching.table import Result

from stages.training_bench import bars, encode_case, gpu_case, rounds, run, train_case, workload
from stages.training_bench.results import Options
from stages.training_bench.rounds import KINDS, Measures
from stages.training_bench.rows import PACKAGES

PROVENANCE = dict.fromkeys(("date", "machine", "python", *PACKAGES, "commit"), "x")
RATES = {("ours", "fp32"): 3.0, ("peer", "fp32"): 1.0, ("ours", "bf16"): 8.0, ("peer", "bf16"): 2.0}


class Processes:
    """In place of real ones: rates that differ from round to round, by as much for all."""

    def __init__(self, loss=1.0, cosine=1.0):
        self.calls, self.loss, self.cosine = [], loss, cosine

    def __call__(self, client, task, work):
        self.calls.append((client, work.precision))
        rate = RATES[client, work.precision] * (1 + (len(self.calls) - 1) // 4)
        if task == "encode":
            angle = np.arccos(self.cosine) * (client == "ours")
            np.save(work.embeddings, np.array([[np.cos(angle), np.sin(angle)]], dtype=np.float32))
            return {"texts_per_second": rate}
        ours = client == "ours"
        memory = {"before_mib": 100.0, "peak_mib": 150.0 if ours else 200.0}
        losses = [self.loss if ours else 1.0, 0.5]
        return {"steps_per_second": rate, **memory, "losses": losses} | ({"padding": 0.04} if ours else {})


@pytest.fixture
def processes(monkeypatch, tmp_path):
    """`processes(loss=..., cosine=...)` takes the place of what runs them, and of the data."""
    monkeypatch.setattr(workload, "write_samples", lambda *_: "some samples")
    monkeypatch.setattr(workload, "write_texts", lambda *_: "some texts")
    monkeypatch.setattr(workload, "backbone", lambda _: str(tmp_path))
    monkeypatch.setattr(gpu_case, "missing", lambda: "no CUDA device")

    def replace(**options):
        stand_in = Processes(**options)
        monkeypatch.setattr(rounds, "measured", stand_in)
        return stand_in

    return replace


def verdicts(capsys):
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("BAR")]
    return {line[1]: (line[2], line[4]) for line in lines}


def test_whole_run_judges_each_bar_and_writes_a_row_for_each_measure(processes, tmp_path, capsys):
    path = tmp_path / "rows.csv"
    processes()
    assert run.main(["--csv", str(path)]) == 0
    assert verdicts(capsys) == {
        "train_fp32": ("3.000", "holds"),
        "train_bf16": ("8.000", "holds"),
        "train_memory": ("0.750", "holds"),
        "encode_fp32": ("3.000", "holds"),
        "encode_bf16": ("8.000", "holds"),
        "padding": ("0.040", "holds"),
        "gpu_utilisation": ("-", "not-run"),
        "ata_overhead": ("-", "not-run"),
    }
    rows = list(csv.DictReader(path.open()))
    found = {(row["case"], row["client"], row["precision"], row["measure"]): row for row in rows}
    assert len(found) == len(rows) == 4 * 3 + 2 + 4
    assert found["train", "ours", "bf16", "steps/s"]["to_peer"] == "8"
    assert found["train", "ours", "bf16", "steps/s"]["to_peer_bf16"] == "4"
    assert found["encode", "peer", "fp32", "texts/s"]["runs"] == "3"
    assert found["train", "ours", "fp32", "padding"]["to_peer"] == ""


def test_kinds_alternate_and_every_other_round_goes_backwards(processes):
    stand_in = processes()
    train_case.run(Options(False, PROVENANCE, lambda _: None))
    assert stand_in.calls == [*KINDS, *KINDS[::-1], *KINDS]


def test_ratio_is_the_median_of_those_within_a_round():
    rates = {("ours", "fp32"): (2.0, 30.0, 8.0), ("peer", "fp32"): (1.0, 10.0, 2.0)}
    said = {kind: [{"rate": rate} for rate in values] for kind, values in rates.items()}
    measures = Measures("train", "w", Options(False, PROVENANCE, print), said)
    assert measures.ratio(("ours", "fp32"), ("peer", "fp32"), lambda run: run["rate"]) == 3.0


def test_bf16_bar_is_over_the_peer_in_fp32_and_the_table_says_so(processes):
    processes()
    result = train_case.run(Options(False, PROVENANCE, lambda _: None))
    assert result.figures["train_bf16"] == 8.0
    shown = table.render(result)
    assert "train_bf16 is ours in bf16 over sentence-transformers in fp32; over its bf16=True ours is 4.00 x" in shown


def test_other_loss_is_refused(processes, tmp_path, capsys):
    processes(loss=1.002)
    assert run.main(["--only", "train", "--csv", str(tmp_path / "rows.csv")]) == 1
    printed = capsys.readouterr()
    assert "first batch's loss is 1.00200 in ours and 1.00000 in sentence-transformers" in printed.err
    assert printed.out.count("not-run") == len(bars.BARS)
    assert not (tmp_path / "rows.csv").exists()


def test_other_embeddings_are_refused(processes):
    processes(cosine=0.999)
    with pytest.raises(WrongResult, match=r"ours in fp32 gives an embedding whose cosine .* is 0.99900"):
        encode_case.run(Options(False, PROVENANCE, lambda _: None))


def test_quick_run_writes_no_rows_and_judges_no_bar(processes, tmp_path, capsys):
    stand_in = processes()
    assert run.main(["--quick", "--csv", str(tmp_path / "rows.csv")]) == 0
    assert not (tmp_path / "rows.csv").exists()
    assert {verdict for _, verdict in verdicts(capsys).values()} == {"not-run"}
    assert len(stand_in.calls) == 2 * len(KINDS)


def test_one_case_alone(processes, tmp_path, capsys):
    processes()
    assert run.main(["--only", "encode", "--csv", str(tmp_path / "rows.csv")]) == 0
    found = verdicts(capsys)
    assert (found["encode_fp32"], found["train_fp32"]) == (("3.000", "holds"), ("-", "not-run"))


@pytest.mark.parametrize(("arguments", "message"), [(["--only", "all"], "invalid choice"), ([], "Move that file away")])
def test_command_that_cannot_be_followed_is_told(tmp_path, capsys, arguments, message):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n")
    with pytest.raises(SystemExit) as caught:
        run.main([*arguments, "--csv", str(path)])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_help_names_the_cases(capsys):
    with pytest.raises(SystemExit):
        run.main(["--help"])
    assert "train, encode, gpu" in capsys.readouterr().out


def test_table_puts_numbers_to_the_right():
    result = Result("title", ["note"], [("what", "count"), ("a", "5"), ("longer", "1,000")], [], {})
    assert table.render(result) == "title\n  note\n  what    count\n  a           5\n  longer  1,000"
