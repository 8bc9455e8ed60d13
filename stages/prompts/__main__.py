"""Write the second-step prompts, from brainstormed tasks, texts of the corpus and public retrieval pairs."""

from stages.prompts.compose import compose
from stages.prompts.tally import Tally
from stages.shared.entry import run_stage
from stages.shared.files import write_json
from stages.shared.records import ChatRequest, Document, Task, read_records, write_records
from stages.shared.settings import Settings


def main(settings: Settings) -> None:
    tasks = read_records("data/brainstorm/tasks.parquet", Task)
    documents = read_records("data/corpus/train.parquet", Document)
    requests = compose(tasks, documents, settings.profile.prompts, settings.profile.llm.seed)
    tally = Tally()
    write_records("data/prompts/requests.parquet", ChatRequest, tally.count(requests))
    write_json("reports/metrics/prompts.json", tally.metrics())


if __name__ == "__main__":
    run_stage(main, "prompts", __doc__)
