"""What only a GPU can show: how much of it training uses, and what ATA pooling adds to a step.

Each run is a process of its own that takes steps with mean and with ATA pooling in turn, once as transformers runs the
model and once compiled (training.compile). Bars are judged on whichever of the two is faster.
"""

import statistics

from benching.csv_rows import quantiles
from benching.table import Result

from stages.training_bench.gpu_work import NEGATIVES, POOLINGS, GpuWork, small_architecture
from stages.training_bench.processes import measured
from stages.training_bench.results import Options
from stages.training_bench.rows import Row

HEADINGS = ("model", "pooling", "s/step", "20%", "80%", "TFLOP/step", "TFLOP/s", "of matrix rate", "/mean", "peak GiB")
QUICK = {"batch_size": 32, "length": 64, "chunk_tokens": 1024, "untimed": 1, "timed": 1}
QUICK_SHAPE = {"vocab_size": 8192, "num_hidden_layers": 4}
NAMES = {False: "as it is", True: "compiled"}


def run(options: Options) -> Result:
    """Without a GPU no figure, so that the bars read not-run. Raises WrongResult if a run fails."""
    options.step("gpu")
    if reason := missing():
        table = [("figure", "what it is")]
        table += [("gpu_utilisation", "in bf16: operations of the model in a second over the GPU's matrix rate")]
        table += [("ata_overhead", "a step's time with ATA pooling over that with mean pooling")]
        return Result(f"gpu: not run, {reason}", [], table, [], {})
    works, said = works_for(options.quick), []
    for work in works:
        options.step(f"gpu: {work.steps} steps of {work.texts:,} texts, model {NAMES[work.compiled]}")
        said.append(measured("gpu_steps", "steps", work))
    return result(works, said, options)


def missing() -> str:
    """Why there is nothing to measure; empty if there is a GPU."""
    import torch

    if torch.cuda.is_available():
        return ""
    return "no CUDA device" if torch.version.cuda else f"torch {torch.__version__} is built without CUDA"


def works_for(quick: bool) -> list[GpuWork]:
    shape, changes = small_architecture(), {}
    if quick:
        shape, changes = shape | QUICK_SHAPE, QUICK
    return [GpuWork(shape, compiled=compiled, **changes) for compiled in NAMES]


def result(works: list[GpuWork], said: list[dict], options: Options) -> Result:
    """Of runs that said what gpu_steps.measure returns, one for each of `works`."""
    table, rows, figures = [HEADINGS], [], []
    for work, one in zip(works, said, strict=True):
        usage, overhead = utilisation(one), overhead_of(one)
        figures.append({"gpu_utilisation": usage["mean"], "ata_overhead": overhead})
        for pooling in POOLINGS:
            rows += _rows(work, one, pooling, options)
            seconds, counted = quantiles(one["seconds"][pooling]), useful(one, pooling)
            cells = [f"{seconds[name]:.3f}" for name in ("value_50", "value_20", "value_80")]
            cells += [f"{counted / 1e12:.4g}", f"{counted / 1e12 / seconds['value_50']:.3g}", f"{usage[pooling]:.3f}"]
            cells += [f"{overhead:.3f}" if pooling == "ata" else "1", f"{one['peak_gib'] or 0:.1f}"]
            table.append((NAMES[work.compiled], pooling, *cells))
    best = min(range(len(said)), key=lambda number: statistics.median(said[number]["seconds"]["mean"]))
    again = sum(one["checkpointing"] for one in said)
    rates = " and ".join(f"{one['matrix_rate'] / 1e12:.4g}" for one in said)
    notes = [
        f"{works[0].timed} timed steps with each pooling in turn, after {works[0].untimed}, one set of weights; "
        "ratios: of medians",
        "TFLOP: of the plan, forward, GradCache's first forward of what goes through twice, and backward",
        f"activation checkpointing in {again} of {len(said)} runs; what it computes again is not counted",
        f"matrix rate: the best of several large products, measured before the steps: {rates} TFLOP/s",
        f"the bars are those of the model {NAMES[works[best].compiled]}, with mean pooling where one is meant",
    ]
    return Result(f"gpu: {_what(works[0], said[0])}", notes, table, rows, {} if options.quick else figures[best])


def useful(said: dict, pooling: str) -> float:
    """FLOPs of a step but for those of activation checkpointing."""
    return sum(count for part, count in said["operations"][pooling].items() if part != "recomputed")


def utilisation(said: dict) -> dict[str, float]:
    """By pooling: FLOP/s of the median step over the matrix rate."""
    medians = {pooling: statistics.median(said["seconds"][pooling]) for pooling in POOLINGS}
    return {pooling: useful(said, pooling) / medians[pooling] / said["matrix_rate"] for pooling in POOLINGS}


def overhead_of(said: dict) -> float:
    """The median step with ATA pooling over that with mean pooling."""
    return statistics.median(said["seconds"]["ata"]) / statistics.median(said["seconds"]["mean"])


def _rows(work: GpuWork, said: dict, pooling: str, options: Options) -> list[Row]:
    per_second = useful(said, pooling) / said["matrix_rate"]
    name = f"{pooling}, model {NAMES[work.compiled]}"
    measures = {
        f"s/step, {name}": said["seconds"][pooling],
        f"of matrix rate, {name}": [per_second / seconds for seconds in said["seconds"][pooling]],
    }
    if pooling == "ata":
        pairs = zip(said["seconds"]["ata"], said["seconds"]["mean"], strict=True)
        measures[f"over mean, {name}"] = [ata / mean for ata, mean in pairs]
    fields = options.provenance | {"case": "gpu", "workload": _what(work, said), "client": "ours"}
    return [
        Row(**fields, precision=work.precision, measure=measure, **quantiles(values))
        for measure, values in measures.items()
    ]


def _what(work: GpuWork, said: dict) -> str:
    shape = work.architecture
    trained = "adapters alone" if work.lora else "all weights"
    return (
        f"{work.batch_size} queries with a positive and {NEGATIVES} negative each, {work.length} tokens a text, "
        f"{trained} of {shape['num_hidden_layers']} layers of {shape['hidden_size']}, on {said['card']}"
    )
