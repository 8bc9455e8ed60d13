"""The known encoder's scores, by our path or by mteb alone: `python -m stages.evaluation_bench.scored`."""

import json
from pathlib import Path

from stages.evaluation_bench import known
from stages.evaluation_bench.work import serve
from stages.shared.records import Document, read_records
from stages.shared.settings import Settings, TaskChoice


def run(
    settings: Settings,  # noqa: ARG001
    *,
    side: str,
    folder: str,
    own: list[str],
    documents: str,
    mirror: str | None,
    tasks: list[dict],
) -> dict:
    """Write the scores of the tasks `own`, on the file `documents`, and of `tasks` to `folder`/<side>.json, in JSON.

    `side` is ours or plain.
    """
    from stages.evaluation.registry import list_tasks

    texts = read_records(documents, Document)
    listed = list_tasks([*own, *(TaskChoice(**task) for task in tasks)], texts)
    found = {"ours": ours, "plain": plain}[side](listed, texts, Path(folder), mirror and Path(mirror))
    (Path(folder) / f"{side}.json").write_text(json.dumps(found), encoding="utf-8")
    return {"tasks": len(found)}


def ours(listed: list, texts: list, folder: Path, mirror: Path | None) -> dict[str, dict]:
    """mteb's `scores` of each task by the evaluation's own way: shards, equal texts once, samples, own batches."""
    outcome = known.evaluate(known.model(), listed, texts, folder / "results", mirror)
    if outcome.failures:
        raise RuntimeError(f"tasks failed: {outcome.failures}")
    return {name: result.scores for name, result in outcome.results.items()}


def plain(listed: list, texts: list, folder: Path, mirror: Path | None) -> dict[str, dict]:  # noqa: ARG001
    """The same by `mteb.evaluate` as it comes, with an encoder that does nothing but encode."""
    import mteb
    from mteb.models.abs_encoder import AbsEncoder
    from threadpoolctl import threadpool_limits

    from stages.evaluation.mirror.use import Mirror
    from stages.evaluation.models.hashed import HashedEmbedder

    class Plain(AbsEncoder):
        mteb_model_meta = known.model().model.mteb_model_meta

        def __init__(self):
            self.embed = HashedEmbedder()

        def encode(self, inputs, **_):
            return self.embed([text for batch in inputs for text in batch["text"]], "").embeddings

    opened, found = Mirror.open(mirror) if mirror else None, {}
    for one in listed:
        (task,) = one.parts
        if opened and not one.own:
            opened.attach(task)
        with threadpool_limits(1, user_api="blas"):  # as our path has it: more sum Pearson's correlation in pieces
            found[one.name] = mteb.evaluate(Plain(), task, cache=None).task_results[0].scores
    return found


if __name__ == "__main__":
    serve(run)
