"""The pipeline's encoder through the evaluation's own path: `python -m stages.evaluation_bench.ours`."""

from pathlib import Path

from stages.evaluation_bench import known, speed_work
from stages.evaluation_bench.clock import Clock
from stages.evaluation_bench.work import serve
from stages.shared.settings import Settings


def run(settings: Settings, *, folder: str, mirror: str, tasks: list[dict], embeddings: str) -> dict:
    """Loaded as the stage `evaluation` loads it, probes included. See speed_work.measured.

    Besides that its main scores by task, and how many texts the encoder itself embedded.
    """
    import numpy as np

    from stages.encoder import Encoder
    from stages.evaluation.models.encoders import TRAINED
    from stages.evaluation.models.roster import Roster
    from stages.evaluation.models.text_model import TextModel

    model = Roster(settings, speed_work.sample()).open(TRAINED)
    np.save(embeddings, model.shards(speed_work.sample(), "").embeddings)
    model.shards.forget()
    listed, inner = speed_work.listed(mirror, tasks), Clock()
    inner.watch(Encoder)
    with speed_work.measured(TextModel) as found:
        outcome = known.evaluate(model, listed, [], Path(folder) / "results", Path(mirror))
    model.partial.clear()  # or the next round would find the tasks done
    if outcome.failures:
        raise RuntimeError(f"tasks failed: {outcome.failures}")
    found["embedded"] = inner.texts
    return found | {"scores": {name: float(result.get_score()) for name, result in outcome.results.items()}}


if __name__ == "__main__":
    serve(run)
