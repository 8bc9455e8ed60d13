"""MGH step 1: have the LLM name retrieval tasks of five kinds."""

from stages.brainstorm.tasks import brainstorm
from stages.llm.client import ask_all
from stages.llm.endpoint import open_endpoint
from stages.llm.ledger import Ledger
from stages.shared.entry import run_stage
from stages.shared.files import write_json
from stages.shared.records import KINDS, Task, write_records
from stages.shared.settings import Settings


def main(settings: Settings) -> None:
    llm, wanted = settings.profile.llm, settings.profile.brainstorm.tasks_per_kind
    tasks, metrics = [], {}
    with Ledger() as ledger, open_endpoint(llm) as endpoint:
        for kind in KINDS:
            found, left_out = brainstorm(
                kind, wanted, llm.seed, lambda requests: ask_all(requests, endpoint, llm, ledger)
            )
            tasks += found
            metrics[kind] = {"tasks": len(found), **left_out}
    write_records("data/brainstorm/tasks.parquet", Task, tasks)
    write_json("reports/metrics/brainstorm.json", {"tasks": len(tasks), "per_kind": metrics})


if __name__ == "__main__":
    run_stage(main, "brainstorm", __doc__)
