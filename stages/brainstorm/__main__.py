"""MGH step 1: have the LLM name retrieval tasks of five kinds."""

from stages.brainstorm.tasks import brainstorm
from stages.llm.model import open_model
from stages.shared.entry import run_stage
from stages.shared.files import write_json
from stages.shared.records import KINDS, Task, write_records
from stages.shared.settings import Settings


def main(settings: Settings) -> None:
    profile = settings.profile
    mode = "online" if profile.synthesis.mode == "batch" else profile.synthesis.mode  # too few requests for a batch
    tasks, metrics = [], {}
    with open_model(profile.llm, mode) as model:
        for kind in KINDS:
            found, left_out = brainstorm(
                kind,
                profile.brainstorm.tasks_per_kind,
                profile.llm.seed,
                lambda requests, kind=kind: model.ask_all(requests, kind),
            )
            tasks += found
            metrics[kind] = {"tasks": len(found), **left_out}
    write_records("data/brainstorm/tasks.parquet", Task, tasks)
    paid = {"tokens": model.account.tokens, "dollars": model.account.dollars}
    write_json("reports/metrics/brainstorm.json", {"tasks": len(tasks), "per_kind": metrics, **paid})


if __name__ == "__main__":
    run_stage(main, "brainstorm", __doc__)
