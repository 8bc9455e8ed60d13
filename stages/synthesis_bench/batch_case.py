"""Batch mode beside online mode on the same requests, at the local endpoint: the same samples, byte for byte."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

from benching.processes import WrongResult
from benching.table import Result

from stages.prompts.compose import compose
from stages.shared.records import KINDS, ChatRequest, Document, Sample, Task, read_records, write_records
from stages.synthesis_bench.our_client import Work, command, read_profile
from stages.synthesis_bench.processes import Client
from stages.synthesis_bench.results import Options, Recorder, scratch
from stages.synthesis_bench.workload import sentences

REQUESTS, QUICK_REQUESTS = 1_000, 50
DOCUMENTS = 400
MODES = ("online", "batch")


def run(options: Options) -> Result:
    requests, done, tables, files = QUICK_REQUESTS if options.quick else REQUESTS, {}, {}, {}
    with scratch() as name:
        work = Work(f"{name}/requests.parquet", "", "", corpus=f"{name}/corpus.parquet")
        _write(work, requests)
        for mode in MODES:
            options.step(f"batch: {mode}, {requests:,} requests")
            own = replace(work, mode=mode, ledger=f"{name}/{mode}.sqlite", samples=f"{name}/{mode}.parquet")
            done[mode] = Client(command(own)).wait().said
            if done[mode]["error"] or not done[mode]["samples"]:
                raise WrongResult(f"batch, {mode}: {done[mode]}")
            tables[mode], files[mode] = read_records(own.samples, Sample), Path(own.samples).read_bytes()
    unlike = differing(*tables.values()) or int(files["online"] != files["batch"])
    recorder = Recorder(options, "batch", f"{requests} requests at the local endpoint")
    recorder.add("ours", "samples unlike in batch and online mode", unlike)
    return Result(
        title=f"batch: {requests:,} requests in both modes; {unlike} samples differ",
        notes=[],
        table=[
            ("mode", "samples", "rejected", "asked", "seconds"),
            *(
                (
                    mode,
                    f"{said['samples']:,}",
                    f"{sum(said['rejected'].values())}",
                    f"{said['account']['asked']:,}",
                    f"{said['seconds']:.1f}",
                )
                for mode, said in done.items()
            ),
        ],
        rows=recorder.rows,
        figures={} if options.quick else {"batch-samples-unlike-online": unlike},
    )


def differing(first: list[Sample], second: list[Sample]) -> int:
    """Rows of one file that the other does not have."""
    ours, theirs = (Counter(map(repr, rows)) for rows in (first, second))
    return max((ours - theirs).total(), (theirs - ours).total())


def _write(work: Work, requests: int) -> None:
    """A corpus for the local endpoint, and requests that start from it as those of the prompts stage do."""
    generator = random.Random("corpus")
    documents = []
    for number in range(DOCUMENTS):
        group = f"{['alpha', 'beta'][number % 2]}.part{number % 10}.module{number % 50}"
        summary, *body = generator.sample(sentences(), 5)
        source = group.partition(".")[0]
        documents.append(Document(f"{number}", source, "function", group, f"f{number}", summary, " ".join(body)))
    write_records(work.corpus, Document, documents)
    tasks = [Task(f"task-{kind}", kind, f"Given a text, retrieve what goes with it ({kind}).") for kind in KINDS]
    prompts = read_profile(work).prompts.model_copy(update={"samples": requests})
    write_records(work.requests, ChatRequest, compose(tasks, documents, prompts, 0))
