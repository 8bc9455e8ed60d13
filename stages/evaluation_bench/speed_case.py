"""Evaluating a mirror's retrieval tasks with the same weights, by our path and by plain mteb: rate and memory."""

import statistics
from collections.abc import Callable
from pathlib import Path

from benching.processes import require
from benching.table import Result

from stages.evaluation_bench import locked
from stages.evaluation_bench.results import NO_MIRROR, Options, Recorder, not_run, scratch
from stages.evaluation_bench.speed_work import BACKBONE, ENCODER
from stages.evaluation_bench.work import ROOT, THREADS, read_settings, said
from stages.shared.files import read_json

ROUNDS, QUICK_ROUNDS = 3, 1
SIDES = {"ours": "ours", "peer": "mteb with sentence-transformers"}
LEAST_COSINE, SAME_SCORE = 0.9999, 1e-4
NEEDED = {"pooling": "mean", "attention": "bidirectional", "instructions": False}  # what the peer's model does

Said = dict[str, list[dict]]


def run(options: Options) -> Result:
    """Raises WrongResult if the sides' embeddings or scores differ. Not run without a mirror and a trained encoder."""
    if reason := missing(options):
        figures = {
            "encode_fp32": "our texts per second over the peer's",
            "encode_fp32_embedded": "the same of the texts that were embedded",
            "encode_memory": "our peak memory over its",
        }
        return not_run("speed", reason, figures)
    tasks = [task for task in locked.tasks(options.mirror) if task.type == "Retrieval"]
    tasks = tasks[:1] if options.quick else tasks
    with scratch() as folder:
        found, cosine = take(options, folder, [task.choice().model_dump() for task in tasks])
    require(cosine >= LEAST_COSINE, f"speed: an embedding of ours has cosine {cosine:.5f} to that of the peer")
    require_same(found)
    return result(options, found, cosine, ", ".join(task.name for task in tasks))


def missing(options: Options, root: Path = ROOT) -> str:
    """Why there is nothing to measure; empty if there is all of it."""
    if options.mirror is None:
        return NO_MIRROR
    if not any(task.type == "Retrieval" for task in locked.tasks(options.mirror)):
        return f"{options.mirror} has no retrieval task"
    wanted = (f"{ENCODER}/encoder.json", f"{ENCODER}/model.safetensors", f"{BACKBONE}/backbone.json")
    if absent := [path for path in wanted if not (root / path).exists()]:
        return f"{absent[0]} is not there: `dvc repro training` makes it"
    config = read_json(root / ENCODER / "encoder.json")
    if other := [name for name, value in NEEDED.items() if config[name] != value]:
        return f"the encoder has {', '.join(f'{name} {config[name]}' for name in other)}: train it with other settings"
    return ""


def take(options: Options, folder: str, tasks: list[dict]) -> tuple[Said, float]:
    """What both sides said in each round, every other one backwards; the least cosine of their embeddings."""
    rounds, found = QUICK_ROUNDS if options.quick else ROUNDS, {side: [] for side in SIDES}
    given = {"mirror": str(options.mirror), "tasks": tasks}
    options.step("speed: data converted")
    said("prepared", folder, **given)
    for number in range(rounds):
        for side in list(SIDES) if number % 2 == 0 else list(SIDES)[::-1]:
            options.step(f"speed: {SIDES[side]}, round {number + 1} of {rounds}")
            found[side].append(said(side, folder, folder=folder, embeddings=f"{folder}/{side}.npy", **given))
    return found, least_cosine(Path(folder))


def least_cosine(folder: Path) -> float:
    """Between the two sides' embeddings of the same texts."""
    import numpy as np

    ours, theirs = (np.load(folder / f"{side}.npy").astype(np.float64) for side in SIDES)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / lengths).min())


def require_same(found: Said) -> None:
    """Raise WrongResult unless both sides encoded the same number of texts to the same scores in all rounds."""
    first = found["ours"][0]
    for side, runs in found.items():
        for one in runs:
            counted = f"{one['texts']:,} texts came out of {SIDES[side]}, {first['texts']:,} out of ours"
            require(one["texts"] == first["texts"], f"speed: {counted}")
            for task, score in first["scores"].items():
                other = f"{task} scores {one['scores'][task]:.6f} by {SIDES[side]}, {score:.6f} by ours"
                require(abs(one["scores"][task] - score) <= SAME_SCORE, f"speed: {other}")


def rate(run: dict) -> float:
    return run["texts"] / run["encoding"]


def embedding_rate(run: dict) -> float:
    return run["embedded"] / run["encoding"]


def ratio(found: Said, value: Callable[[dict], float]) -> float:
    """Median over the rounds of our value over the peer's."""
    return statistics.median(value(mine) / value(other) for mine, other in zip(*found.values(), strict=True))


def result(options: Options, found: Said, cosine: float, names: str) -> Result:
    """Of what both sides said in each round."""
    length = read_settings().profile.evaluation.max_length
    recorder = Recorder(options, "speed", f"{names}; texts cut at {length} tokens, {THREADS} threads, fp32")
    measures = {
        "texts/s": rate,
        "embedded/s": embedding_rate,
        "peak MiB": lambda run: run["peak_mib"],
        "s in all": lambda run: run["seconds"],
    }
    table = [("side", *(cell for measure in measures for cell in (measure, "20%", "80%", "/peer")))]
    for side, name in SIDES.items():
        cells = []
        for measure, value in measures.items():
            to_peer = ratio(found, value) if side == "ours" else 1.0
            row = recorder.add(measure, *map(value, found[side]), client=side, to_peer=to_peer)
            cells += [f"{number:,.0f}" for number in (row.value_50, row.value_20, row.value_80)] + [f"{to_peer:.2f}"]
        table.append((name, *cells))
    first = found["ours"][0]
    notes = [
        f"{len(found['ours'])} rounds in turn, each run a process of its own with {THREADS} threads; ratios: medians "
        "of those within a round",
        f"texts/s: {first['texts']:,} texts that mteb hands over, by the seconds in which the model encodes them; "
        f"embedded/s: ours embeds equal texts of one call, and a corpus of two splits, once: {first['embedded']:,}",
        "s in all: with data, search and scores; not judged",
        f"least cosine of an embedding to the peer's {cosine:.6f}; the same main scores: "
        f"{', '.join(f'{name} {score:.4f}' for name, score in first['scores'].items())}",
    ]
    figures = {
        "encode_fp32": ratio(found, rate),
        "encode_fp32_embedded": ratio(found, embedding_rate),
        "encode_memory": ratio(found, measures["peak MiB"]),
    }
    return Result(f"speed: {names}", notes, table, recorder.rows, figures)
