"""Score the trained encoder, its untrained start and TF-IDF on held-out documents and on mteb's tasks."""

from pathlib import Path

from stages.shared.entry import run_stage
from stages.shared.files import write_json
from stages.shared.records import Document, read_records
from stages.shared.settings import Settings

FOLDER = Path("data/evaluation")


def main(settings: Settings) -> None:
    from tqdm import tqdm

    from stages.encoder import Encoder
    from stages.evaluation.anchors import look
    from stages.evaluation.documents import choose
    from stages.evaluation.models import ENCODER, load_tfidf, load_trained, load_untrained
    from stages.evaluation.registry import check_names
    from stages.evaluation.run import evaluate_model, prepare, quiet
    from stages.evaluation.scores import summarise
    from stages.evaluation.tasks.base import HELD_OUT
    from stages.shared.runtime import pin_torch
    from stages.shared.seeds import derive_seed

    options = settings.profile.evaluation
    pin_torch(settings.profile.runtime, derive_seed(0, "evaluation"))  # not params.seed: all runs sit the same test
    check_names(options.tasks)
    documents = choose(read_records(HELD_OUT, Document), options.max_documents)
    loaders = {"encoder": load_trained, "untrained": load_untrained, "tfidf": load_tfidf}
    scores = {}
    total = len(loaders) * len(options.tasks)
    with quiet(), tqdm(total=total, desc="evaluation", unit="task", disable=None) as progress:
        for name, load in loaders.items():
            tasks = prepare(options.tasks, documents)
            results = evaluate_model(load(settings), tasks, documents, FOLDER / name, progress=progress)
            scores[name] = summarise(results, {task.metadata.name: task.metadata.type for task in tasks})
    encoder = Encoder.load(ENCODER, device=settings.profile.runtime.device)
    looked = look(encoder, documents, max_length=options.max_length)
    write_json(FOLDER / "anchors.json", looked)
    write_json("reports/metrics/evaluation.json", scores.pop("encoder"))
    write_json("reports/metrics/baselines.json", {name: scores[name] for name in ("tfidf", "untrained")})


if __name__ == "__main__":
    run_stage(main, "evaluation", __doc__)
