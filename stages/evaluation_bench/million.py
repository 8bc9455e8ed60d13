"""Very many short texts to search, with the encoder stubbed out: `python -m stages.evaluation_bench.million`."""

import time
from pathlib import Path

from benching.processes import peak_mib

from stages.evaluation_bench import known
from stages.evaluation_bench.work import serve
from stages.shared.settings import Settings

DIMENSIONS, QUERIES = 256, 100


def run(settings: Settings, *, folder: str, documents: int) -> dict:  # noqa: ARG001
    """What the evaluation of the corpus took: the peak memory of this process in MiB and seconds."""
    import numpy as np

    from stages.evaluation.models.embed import Embedded
    from stages.evaluation.registry import Listed

    def embed(texts: list[str], instruction: str) -> Embedded:  # noqa: ARG001
        generator = np.random.default_rng(len(texts[0]))
        vectors = generator.standard_normal((len(texts), DIMENSIONS), dtype=np.float32)
        return Embedded(vectors, np.zeros(len(texts), dtype=bool))

    listed, model = Listed("Million", [task(Path(folder), documents)], None), known.model(embed)
    before, start = peak_mib(), time.perf_counter()
    outcome = known.evaluate(model, [listed], [], Path(folder) / "results")
    if outcome.failures:
        raise RuntimeError(f"the task failed: {outcome.failures}")
    return {
        "peak_mib": peak_mib(),
        "before_mib": before,
        "seconds": time.perf_counter() - start,
        "texts": outcome.facts["Million"]["texts"],
    }


def task(folder: Path, documents: int):
    """A retrieval task whose corpus lies on disk, as a data set from the Hub does."""
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData

    from stages.evaluation.tasks.base import SPLIT, docs_metadata

    class Million(AbsTaskRetrieval):
        metadata = docs_metadata(
            name="Million",
            description="Find one of very many short texts.",
            type="Retrieval",
            category="t2t",
            main_score="ndcg_at_10",
            task_subtypes=[],
            prompt={"query": "Find the text"},
        )

        def load_data(self, num_proc: int | None = None, **_) -> None:  # noqa: ARG002
            if self.data_loaded:
                return
            corpus = Dataset.from_generator(corpus_rows, cache_dir=str(folder / "corpus"))
            queries = Dataset.from_list([{"id": f"q{number}", "text": f"query {number}"} for number in range(QUERIES)])
            relevant = {f"q{number}": {f"d{number}": 1} for number in range(QUERIES)}
            split = RetrievalSplitData(corpus=corpus, queries=queries, relevant_docs=relevant, top_ranked=None)
            self.dataset, self.data_loaded = {"default": {SPLIT: split}}, True

    def corpus_rows():
        for number in range(documents):
            yield {"id": f"d{number}", "text": f"short text number {number} of a corpus"}

    return Million()


if __name__ == "__main__":
    serve(run)
