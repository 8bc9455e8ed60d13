from dataclasses import replace

import pytest

from stages.prompts.__main__ import main
from stages.prompts.compose import compose
from stages.shared.files import read_json
from stages.shared.records import ChatRequest, Document, Task, read_records, write_records


@pytest.fixture
def stage(settings, prompts, tasks, documents, tmp_path, monkeypatch):
    """The settings of a small run, whose input lies in the working directory."""
    monkeypatch.chdir(tmp_path)
    write_records("data/brainstorm/tasks.parquet", Task, tasks)
    write_records("data/corpus/train.parquet", Document, documents)
    wanted = prompts(30, task=0.5, grounded=0.3, retrieval=0.2)
    return replace(settings, profile=settings.profile.model_copy(update={"prompts": wanted}))


def test_stage_writes_all_requests_and_what_it_counted(stage, tasks, documents):
    main(stage)
    written = read_records("data/prompts/requests.parquet", ChatRequest)
    assert written == list(compose(tasks, documents, stage.profile.prompts, stage.profile.llm.seed))
    metrics = read_json("reports/metrics/prompts.json")
    assert metrics["requests"] == 30
    assert metrics["per_source"] == {"grounded": 9, "retrieval": 6, "task": 15}
