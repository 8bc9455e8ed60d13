"""Write the second-step prompts: every request pairs a brainstormed task with a seed text of the corpus."""

from collections import Counter

from stages.prompts.compose import compose
from stages.shared.entry import run_stage
from stages.shared.files import write_json
from stages.shared.records import ChatRequest, Document, Task, read_records, write_records
from stages.shared.settings import Settings


def main(settings: Settings) -> None:
    tasks = read_records("data/brainstorm/tasks.parquet", Task)
    documents = read_records("data/corpus/train.parquet", Document)
    requests = compose(tasks, documents, settings.profile.prompts.samples, settings.profile.llm.seed)
    write_records("data/prompts/requests.parquet", ChatRequest, requests)
    metrics = {
        "requests": len(requests),
        "seed_texts": len({request.seed_id for request in requests}),
        "mean_words": sum(len(request.prompt.split()) for request in requests) / len(requests),
        "per_kind": dict(sorted(Counter(request.kind for request in requests).items())),
    }
    write_json("reports/metrics/prompts.json", metrics)


if __name__ == "__main__":
    run_stage(main, "prompts", __doc__)
