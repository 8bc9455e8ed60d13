"""Exported models in sentence-transformers: their embeddings are those of the encoder, whatever the pooling."""

from benching.processes import require
from benching.table import Result

from stages.evaluation_bench.results import Options, Recorder, scratch
from stages.evaluation_bench.work import said

TEXTS, QUICK_TEXTS = 300, 40
KINDS = [(pooling, way) for pooling in ("mean", "last", "latent", "ata") for way in ("bidirectional", "causal")]
QUICK_KINDS = [KINDS[0], KINDS[-1]]


def run(options: Options) -> Result:
    """Raises WrongResult if an encoder cannot be exported."""
    texts, kinds = (QUICK_TEXTS, QUICK_KINDS) if options.quick else (TEXTS, KINDS)
    options.step(f"export: {len(kinds)} encoders, and their embeddings in sentence-transformers")
    with scratch() as folder:
        distances = said("exported", folder, folder=folder, kinds=kinds, texts=texts)["distances"]
    require(len(distances) == len(kinds), f"export: of {len(kinds)} encoders {len(distances)} were compared")
    what = f"{texts} texts of odd lengths, as queries with an instruction and as documents"
    recorder = Recorder(options, "export", f"{what}, profile tiny's size, random weights")
    table = [("pooling", "attention", "largest cosine distance")]
    for (pooling, attention), distance in zip(kinds, distances, strict=True):
        recorder.add(f"cosine distance, {pooling}, {attention}", distance)
        table.append((pooling, attention, f"{distance:.2g}"))
    notes = ["of an exported model's embedding to the encoder's, both in float32, the largest of all texts"]
    return Result(f"export: {what}", notes, table, recorder.rows, {"export_difference": max(distances)})
