"""Data sets of a few rows in the layout that mteb's tasks read, under the tasks' own repository names."""

import io
import json

import mteb
import pyarrow as pa
import pyarrow.parquet as pq


def parquet(rows: list[dict]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def jsonl(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def repository(configs: dict[str, dict[str, tuple[str, bytes]]]) -> dict[str, bytes]:
    """The files of a repository with a README that names them; config -> split -> (path, content)."""
    lines, files = ["---", "configs:"], {".gitattributes": b"*.parquet filter=lfs\n"}
    for config, splits in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        for split, (path, content) in splits.items():
            lines += [f"  - split: {split}", f"    path: {path}"]
            files[path] = content
    return files | {"README.md": "\n".join([*lines, "---", ""]).encode()}


def one_config(split_rows: dict[str, list[dict]], write=parquet, ending="parquet") -> dict[str, bytes]:
    splits = {split: (f"data/{split}.{ending}", write(rows)) for split, rows in split_rows.items()}
    return repository({"default": splits})


def sts(shift: int = 0) -> dict[str, bytes]:
    pairs = [("a cat", "the cat"), ("the cat", "a cat"), ("a dog", "a house"), ("one", "two")]
    rows = [{"sentence1": a, "sentence2": b, "score": float((i + shift) % 5)} for i, (a, b) in enumerate(pairs)]
    return one_config({"test": rows})


def emotion(shift: int = 0) -> dict[str, bytes]:
    rows = [{"text": f"text {i} of {i % 2}", "label": (i + shift) % 2} for i in range(40)]
    return one_config({"train": rows, "test": rows[:10]}, jsonl, "jsonl")


def retrieval(*, ranked: bool = False) -> dict[str, bytes]:
    corpus = [{"_id": f"d{i}", "title": f"title {i}", "text": f"document {i}"} for i in range(6)]
    queries = [{"_id": f"q{i}", "text": f"query {i}"} for i in range(3)]
    judged = [{"query-id": f"q{i}", "corpus-id": f"d{i}", "score": 1} for i in range(3)]
    ranking = [{"query-id": f"q{i}", "corpus-ids": [f"d{j}" for j in range(4)]} for i in range(3)]
    configs = {
        "corpus": {"corpus": ("corpus.jsonl", jsonl(corpus))},
        "queries": {"queries": ("queries.jsonl", jsonl(queries))},
        "default": {"test": ("qrels/test.jsonl", jsonl(judged))},
    }
    if ranked:
        configs["top_ranked"] = {"test": ("top_ranked/test.jsonl", jsonl(ranking))}
    return repository(configs)


def newsgroups() -> dict[str, bytes]:
    labels = [i % 3 for i in range(100)]
    rows = [{"sentences": [f"text {i} of {part}" for i in range(100)], "labels": labels} for part in (0, 1)]
    return one_config({"test": rows})


def pairs() -> dict[str, bytes]:
    row = {"sent1": ["a", "b", "c", "d"], "sent2": ["a", "b", "x", "y"], "labels": [1, 1, 0, 0]}
    return one_config({"test": [row]})


def summaries() -> dict[str, bytes]:
    scores = {name: [1.0, 2.0, 3.0] for name in ("relevance", "coherence", "fluency", "consistency")}
    texts = {"text": "long", "human_summaries": ["good one", "good two"], "machine_summaries": ["good", "so", "bad"]}
    return one_config({"test": [texts | scores, texts | scores]})


def tatoeba() -> dict[str, bytes]:
    texts = [(lang, i) for lang in ("deu", "fra") for i in range(5)]
    rows = [{"sentence1": f"{lang} {i}", "sentence2": f"eng {i}", "lang": f"{lang}-eng"} for lang, i in texts]
    return one_config({"test": rows})


TASKS = {
    "STS12": sts,
    "EmotionClassification": emotion,
    "SciFact": retrieval,
    "AskUbuntuDupQuestions": lambda: retrieval(ranked=True),
    "TwentyNewsgroupsClustering": newsgroups,
    "TwentyNewsgroupsClustering.v2": newsgroups,
    "TwitterURLCorpus": pairs,
    "SummEvalSummarization.v2": summaries,
    "Tatoeba": tatoeba,
}
"""One task of each type that the benchmarks have, and the data that it reads here."""
SUBSETS = {"Tatoeba": ["deu-eng", "fra-eng"]}


def task(name: str) -> mteb.AbsTask:
    """A fresh task, of Tatoeba's hundred languages only those that `tatoeba` has."""
    return mteb.get_task(name, hf_subsets=SUBSETS.get(name))


def write(folder, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
