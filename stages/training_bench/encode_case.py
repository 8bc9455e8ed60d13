"""Encoding the same texts with the same weights: texts per second."""

from pathlib import Path

from benching.processes import require
from benching.table import Result

from stages.training_bench import workload
from stages.training_bench.results import Options, scratch
from stages.training_bench.rounds import KINDS, NAMES, PEER, Kind, Measures, embeddings_path, take
from stages.training_bench.work import ENCODE_MAX_LENGTH, THREADS, Work

TEXTS, QUICK_TEXTS = 3_000, 200
LEAST_COSINE = {"fp32": 0.9999, "bf16": 0.99}  # of an embedding to the peer's in fp32


def run(options: Options) -> Result:
    """Raises WrongResult if the two sides' embeddings differ."""
    count = QUICK_TEXTS if options.quick else TEXTS
    with scratch() as name:
        texts = Path(name) / "texts.json"
        source = workload.write_texts(texts, count)
        work = Work(workload.backbone(Path(name) / "backbone"), "fp32", texts=str(texts))
        said = take("encode", work, options)
        cosines = {kind: least_cosine(work, kind) for kind in KINDS}
    for (client, precision), cosine in cosines.items():
        require(
            cosine >= LEAST_COSINE[precision],
            f"encode: {client} in {precision} gives an embedding whose cosine to that of sentence-transformers in fp32 "
            f"is {cosine:.5f}",
        )
    what = f"{count:,} {source}, short and long, cut at {ENCODE_MAX_LENGTH} tokens"
    return _result(Measures("encode", what, options, said), what, cosines, len(said[PEER]), options)


def rate(said: dict) -> float:
    return said["texts_per_second"]


def least_cosine(work: Work, kind: Kind) -> float:
    """The smallest cosine of an embedding to the peer's in fp32."""
    import numpy as np

    given, expected = (np.load(embeddings_path(work, *one)).astype(np.float64) for one in (kind, PEER))
    products = (given * expected).sum(axis=1)
    return float((products / np.linalg.norm(given, axis=1) / np.linalg.norm(expected, axis=1)).min())


def _result(measures: Measures, what: str, cosines: dict[Kind, float], rounds: int, options: Options) -> Result:
    table = [("client", "precision", "texts/s", "20%", "80%", "/peer fp32", "/peer bf16", "least cosine")]
    for kind in KINDS:
        row = measures.add(kind, "texts/s", rate)
        cells = [f"{value:.0f}" for value in (row.value_50, row.value_20, row.value_80)]
        cells += [f"{row.to_peer:.2f}", f"{row.to_peer_bf16:.2f}", f"{cosines[kind]:.5f}"]
        table.append((NAMES[kind[0]], kind[1], *cells))
    notes = [
        f"{rounds} rounds in turn, each run a process of its own with {THREADS} threads, its model loaded and warm; "
        "ratios: medians of those within a round",
        "bf16: the weights' type on both sides; the bar encode_bf16 is ours in bf16 over the peer in fp32",
        "least cosine: to the embedding by sentence-transformers in fp32",
    ]
    figures = {f"encode_{precision}": measures.ratio(("ours", precision), PEER, rate) for precision in ("fp32", "bf16")}
    return Result(f"encode: {what}", notes, table, measures.rows, {} if options.quick else figures)
