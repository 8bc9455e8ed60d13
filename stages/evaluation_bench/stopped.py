"""An evaluation that may be killed at a point: `python -m stages.evaluation_bench.stopped`."""

import os
import signal
from pathlib import Path

from stages.evaluation_bench import known
from stages.evaluation_bench.work import serve
from stages.shared.files import write_json
from stages.shared.records import Document, read_records
from stages.shared.settings import Settings

ROWS = 256  # texts of a shard, so that a small corpus makes several
SHARDS_BEFORE = 2  # that are on disk at a kill in the middle of an encode call
ENCODING = "encoding"


def run(settings: Settings, *, results: str, documents: str, kill_at: str | None) -> dict:
    """Our tasks on the file `documents` with the known encoder, into the folder `results`; how many texts it encoded.

    `kill_at`: a task's name, or ENCODING; there the process gets a SIGKILL. None: it ends by itself.
    """
    from stages.evaluation import shards
    from stages.evaluation.models.hashed import HashedEmbedder
    from stages.evaluation.registry import list_tasks
    from stages.evaluation.scores import summarise

    shards.ROWS = ROWS
    known_embed, calls = HashedEmbedder(), []

    def embed(texts: list[str], instruction: str):
        if kill_at == ENCODING and len(calls) == SHARDS_BEFORE:
            die()
        calls.append(len(texts))
        return known_embed(texts, instruction)

    texts = read_records(documents, Document)
    listed = list_tasks(settings.profile.evaluation.tasks, texts)
    for one in listed:
        if one.name == kill_at:
            one.parts[0].load_data = die
    outcome = known.evaluate(known.model(embed), listed, texts, Path(results))
    if outcome.failures:
        raise RuntimeError(f"tasks failed: {outcome.failures}")
    types = {one.name: one.type for one in listed}
    write_json(Path(results) / "metrics.json", summarise(outcome.results, types, outcome.samples, complete=True))
    return {"encoded": sum(calls)}


def die(*_, **__) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve(run)
