"""A corpus of a million short texts: what the evaluation itself holds in memory, the encoder stubbed out."""

from benching.processes import require
from benching.table import Result

from stages.evaluation_bench.million import DIMENSIONS, QUERIES
from stages.evaluation_bench.results import Options, Recorder, scratch
from stages.evaluation_bench.work import said

DOCUMENTS, QUICK_DOCUMENTS = 1_000_000, 20_000


def run(options: Options) -> Result:
    """Raises WrongResult if not all texts went through the encoder."""
    documents = QUICK_DOCUMENTS if options.quick else DOCUMENTS
    options.step(f"million: {documents:,} texts")
    with scratch() as folder:
        done = said("million", folder, folder=folder, documents=documents)
    wanted = documents + QUERIES
    require(done["texts"] == wanted, f"million: {done['texts']:,} texts were encoded, not {wanted:,}")
    what = f"{documents:,} documents of 7 words, {QUERIES} queries, {DIMENSIONS} dimensions"
    recorder = Recorder(options, "million", f"{what}, no encoder")
    measures = {"peak MiB": done["peak_mib"], "MiB before": done["before_mib"], "seconds": done["seconds"]}
    table = [("measure", "value")]
    for measure, value in measures.items():
        recorder.add(measure, value)
        table.append((measure, f"{value:,.0f}"))
    notes = ["resident memory of the whole process, packages included; before: once these are loaded"]
    return Result(f"million: {what}", notes, table, recorder.rows, {"million_rss_mib": done["peak_mib"]})
