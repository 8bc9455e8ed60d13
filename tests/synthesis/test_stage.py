"""The whole stage against the local endpoint: what it writes in each mode, and how it ends."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from stages.llm.ledger import Ledger
from stages.prompts.compose import compose
from stages.shared.errors import UserError
from stages.shared.records import KINDS, ChatRequest, Rejection, Sample, Task, read_records, write_records
from stages.shared.settings import LocalEndpoint, Price, Settings
from stages.synthesis.__main__ import main
from stages.synthesis.jobs import PROMPTS
from stages.synthesis.plan import print_plan
from stages.synthesis.results import REJECTED, SAMPLES

COUNT = 60


@pytest.fixture
def stage(repository, corpus, documents, settings):
    """Settings for a synthesis of 60 requests in a scratch repository: `stage(mode="batch")`."""
    (repository / "data/corpus").mkdir(parents=True)
    shutil.copy(corpus, repository / "data/corpus/train.parquet")
    prompts = settings.profile.prompts.model_copy(update={"samples": COUNT})
    tasks = [Task(f"{kind}{number}", kind, f"Task {number} of {kind}.") for kind in KINDS for number in range(3)]
    write_records(PROMPTS, ChatRequest, compose(tasks, documents, prompts, 0))

    def make(fault_share=0.3, **changes):
        llm = settings.profile.llm.model_copy(update={"endpoint": LocalEndpoint(kind="local", fault_share=fault_share)})
        synthesis = settings.profile.synthesis.model_copy(update={"near_duplicate": 1.0} | changes)
        profile = settings.profile.model_copy(update={"llm": llm, "synthesis": synthesis})
        return Settings(settings.params, profile)

    return make


def digests():
    return {path: hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in (SAMPLES, REJECTED)}


def metrics():
    return json.loads(Path("reports/metrics/synthesis.json").read_text())


def test_every_answer_becomes_a_sample_or_a_rejection_and_metrics_add_up(stage):
    main(stage())
    samples, rejected = read_records(SAMPLES, Sample), read_records(REJECTED, Rejection)
    found = metrics()
    assert found["answers"] == len(samples) + len(rejected)
    assert sum(found["rejected"].values()) == len(rejected)
    assert found["samples"] == sum(found["per_kind"].values()) == sum(found["per_source"].values()) == len(samples)
    assert found["tokens"]["prompt"]["total"] == sum(found["tokens"]["prompt"][kind] for kind in KINDS)
    assert found["judge"]["judged"] >= 0


def test_rejected_answers_are_asked_again_a_bounded_number_of_times(stage):
    main(stage(reasks=0))
    once = len(read_records(SAMPLES, Sample))
    main(stage(reasks=3))
    samples, rejected = read_records(SAMPLES, Sample), read_records(REJECTED, Rejection)
    assert once < len(samples)
    assert 0 < max(sample.attempt for sample in samples) <= 3
    by_request = {sample.request_id for sample in samples}
    assert all(row.request_id in by_request or row.attempt <= 3 for row in rejected)
    assert len({(row.request_id, row.attempt) for row in rejected}) == len(rejected)


def test_replay_gives_the_same_bytes_without_a_server(stage, monkeypatch):
    main(stage())
    first = digests()
    monkeypatch.setattr("stages.llm.local.server.serve", None)
    main(stage(mode="replay"))
    assert digests() == first


def test_replay_of_a_ledger_that_lacks_answers_says_how_many(stage):
    with pytest.raises(UserError, match="60 of 60 requests have no answer in the ledger") as caught:
        main(stage(mode="replay"))
    assert "stages.synthesis.ledger import" in str(caught.value)


def test_batch_mode_gives_the_same_bytes_as_online_mode(stage, monkeypatch, tmp_path):
    main(stage())
    online = digests()
    monkeypatch.setenv("MGH_LEDGER", str(tmp_path / "another.sqlite"))
    main(stage(mode="batch"))
    assert digests() == online
    with Ledger() as ledger:
        assert {row.answer.batch for row in ledger.rows() if "judge_" not in row.request} == {True}


def test_only_part_of_the_budget_is_spent_where_it_does_not_suffice(stage):
    with pytest.raises(UserError, match="the budget is used up"):
        main(stage(max_tokens=20_000))
    with Ledger() as ledger:
        tokens = sum(row.answer.prompt_tokens + row.answer.completion_tokens for row in ledger.rows())
    assert 10_000 < tokens <= 20_000
    assert not Path(SAMPLES).exists()
    assert json.loads(Path("reports/timings/synthesis_requests.json").read_text())["tokens"] == tokens


def test_cost_without_a_price_is_refused_before_anything_is_asked(stage):
    with pytest.raises(UserError, match=r"synthesis\.max_cost is set, but llm\.prices has no price"):
        main(stage(max_cost=5.0))


def test_answers_that_all_fail_the_checks_end_the_stage(stage, monkeypatch):
    monkeypatch.setattr("stages.llm.local.server.spoil", lambda *_: "no JSON")
    with pytest.raises(UserError, match=r"none of 60 answers .* passed the checks: invalid_json 60"):
        main(stage(fault_share=1.0, reasks=0))
    assert not Path(SAMPLES).exists()


def test_plan_counts_what_the_ledger_has_and_prices_the_rest(stage, capsys, monkeypatch):
    monkeypatch.setattr("stages.llm.local.server.serve", None)  # no request is sent
    print_plan(stage())
    total = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("total")).split()
    assert total[:4] == ["total", "60", "0", "60"]
    assert int(total[4].replace(",", "")) > 60 * 300


def test_plan_after_the_run_asks_for_nothing(stage, capsys):
    main(stage())
    print_plan(stage())
    total = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("total")).split()
    assert total[:6] == ["total", "60", "60", "0", "0", "0"]


def test_plan_without_prompts_is_a_guess_of_as_many_requests_with_dollars(stage, capsys):
    Path(PROMPTS).unlink()
    profile = stage().profile
    prices = {"local": Price(prompt=1.0, completion=2.0, batch=0.5)}
    settings = Settings(
        stage().params, profile.model_copy(update={"llm": profile.llm.model_copy(update={"prices": prices})})
    )
    print_plan(settings)
    out = capsys.readouterr().out
    total = next(line for line in out.splitlines() if line.startswith("total")).split()
    assert total[1] == "5,000"
    tokens = [int(number.replace(",", "")) for number in total[4:6]]
    assert float(total[6]) == pytest.approx((tokens[0] + 2 * tokens[1]) / 1e6, abs=0.01)
    assert "A guess from the profile" in out
