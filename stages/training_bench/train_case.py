"""Training on the same batches from the same weights: steps per second, memory, padding."""

from pathlib import Path

from benching.processes import require
from benching.table import Result

from stages.training_bench import workload
from stages.training_bench.results import Options, scratch
from stages.training_bench.rounds import KINDS, NAMES, PEER, Kind, Measures, take
from stages.training_bench.work import MAX_LENGTH, NEGATIVES, THREADS, Work

BATCH_SIZE, STEPS, UNTIMED = 64, 10, 2
QUICK_BATCH_SIZE, QUICK_STEPS, QUICK_UNTIMED = 8, 3, 1
SAME_LOSS = 1e-3  # of the first batch, in fp32


def run(options: Options) -> Result:
    """Raises WrongResult if the two sides do not compute the same loss."""
    batch, steps, untimed = (BATCH_SIZE, STEPS, UNTIMED)
    if options.quick:
        batch, steps, untimed = (QUICK_BATCH_SIZE, QUICK_STEPS, QUICK_UNTIMED)
    with scratch() as name:
        samples = Path(name) / "samples.parquet"
        source = workload.write_samples(samples, batch * steps)
        backbone = workload.backbone(Path(name) / "backbone")
        work = Work(backbone, "fp32", samples=str(samples), batch_size=batch, steps=steps, untimed=untimed)
        said = take("train", work, options)
    require_same_loss(said)
    what = f"{batch} queries with a positive and {NEGATIVES} negatives each, {source} cut at {MAX_LENGTH} tokens"
    return _result(Measures("train", what, options, said), what, said, options)


def rate(said: dict) -> float:
    return said["steps_per_second"]


def peak(said: dict) -> float:
    return said["peak_mib"]


def growth(said: dict) -> float:
    return said["peak_mib"] - said["before_mib"]


def require_same_loss(said: dict[Kind, list[dict]]) -> None:
    """Raise WrongResult unless both sides' losses of the first batch are equal in fp32."""
    ours, theirs = (said[client, "fp32"][0]["losses"] for client in NAMES)
    require(
        abs(ours[0] - theirs[0]) <= SAME_LOSS,
        f"train: the first batch's loss is {ours[0]:.5f} in ours and {theirs[0]:.5f} in sentence-transformers",
    )


def _result(measures: Measures, what: str, said: dict[Kind, list[dict]], options: Options) -> Result:
    headings = ("steps/s", "20%", "80%", "/peer fp32", "/peer bf16", "peak MiB", "/peer fp32", "of it added", "padding")
    table = [("client", "precision", *headings, "first loss", "last loss")]
    for kind in KINDS:
        speed = measures.add(kind, "steps/s", rate)
        memory = measures.add(kind, "peak MiB", peak)
        added = measures.add(kind, "MiB added", growth)
        padding = "-"
        if kind[0] == "ours":
            padding = f"{measures.add(kind, 'padding', lambda run: run['padding'], compared=False).value_50:.3f}"
        cells = [f"{value:.3f}" for value in (speed.value_50, speed.value_20, speed.value_80)]
        cells += [
            f"{speed.to_peer:.2f}",
            f"{speed.to_peer_bf16:.2f}",
            f"{memory.value_50:.0f}",
            f"{memory.to_peer:.2f}",
        ]
        losses = said[kind][0]["losses"]
        cells += [f"{added.value_50:.0f}", padding, f"{losses[0]:.4f}", f"{losses[-1]:.4f}"]
        table.append((NAMES[kind[0]], kind[1], *cells))
    bf16 = measures.ratio(("ours", "bf16"), ("peer", "bf16"), rate)
    notes = [
        f"{len(said[PEER])} rounds in turn, each run a process of its own with {THREADS} threads; ratios: medians of "
        "those within a round",
        "the bar train_bf16 is ours in bf16 over sentence-transformers in fp32; "
        f"over its bf16=True ours is {bf16:.2f} x",
        "peak MiB: resident memory of the whole process; of it added: since before the first step",
    ]
    figures = {
        "train_fp32": measures.ratio(("ours", "fp32"), PEER, rate),
        "train_bf16": measures.ratio(("ours", "bf16"), PEER, rate),
        "train_memory": max(measures.ratio(("ours", precision), PEER, peak) for precision in ("fp32", "bf16")),
        "padding": max(run["padding"] for precision in ("fp32", "bf16") for run in said["ours", precision]),
    }
    return Result(f"train: {what}", notes, table, measures.rows, {} if options.quick else figures)
