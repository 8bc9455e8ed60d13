"""Writes the two kinds of answers from the corpus. The same request gets the same answer in any order."""

import json
import random
import re

from stages.llm.answers import TASKS_PER_ANSWER
from stages.llm.local.relatives import Relatives
from stages.shared.records import LEVELS, Document
from stages.shared.text import seed_text

VERSION = 2  # part of the model's name: raise it when an answer changes, so that no ledger serves an old one

_SEED_TEXT = re.compile(r"<<<\n(.*?)\n>>>", re.DOTALL)
_TASKS = {
    "short_long": "Given {wording} for something in a code library, retrieve the passage that documents it.",
    "long_short": "Given a passage of documentation, retrieve {wording} for what it describes.",
    "short_short": "Given the name of something in a code library, retrieve {wording} for it.",
    "long_long": "Given the first part of {wording}, retrieve the part that continues it.",
    "symmetric": "Given {wording} for something in a code library, retrieve a sentence with the same meaning.",
}
_SUMMARIES = [
    *("a one-line summary", "the headline", "a short description", "the opening sentence", "a brief explanation"),
    *("the gist", "a terse definition", "the caption", "a plain statement of purpose", "a one-sentence answer"),
]
_PASSAGES = [
    *("a technical passage", "an explanation of an algorithm", "a description of parameters", "a reference entry"),
    *("a note for maintainers", "a user guide paragraph", "an API description", "a passage on numerical methods"),
    *("a discussion of edge cases", "a passage on data structures"),
]
_REWRITES = {
    "returns": "gives back", "return": "give back", "computes": "calculates", "compute": "calculate",
    "calculates": "works out", "calculate": "work out", "creates": "builds", "create": "build", "class for": "type for",
    "constructs": "makes", "construct": "make", "generates": "produces", "generate": "produce", "checks": "tests",
    "check": "test", "converts": "turns", "convert": "turn", "determines": "finds out", "determine": "find out",
    "applies": "uses", "apply": "use", "whether": "if", "evaluates": "computes", "evaluate": "compute",
    "a list of": "several", "the number of": "how many", "given": "supplied", "represents": "stands for",
    "represent": "stand for", "performs": "carries out", "perform": "carry out", "base class": "parent class",
    "object": "instance", "method": "procedure", "function": "routine", "array": "vector or matrix", "all": "every",
}  # fmt: skip
_LONGEST_FIRST = sorted(map(re.escape, _REWRITES), key=len, reverse=True)
_REWRITE = re.compile(rf"\b({'|'.join(_LONGEST_FIRST)})\b", re.IGNORECASE)


class CorpusWriter:
    """Answers brainstorming with tasks from templates, and sample prompts with graded relatives of the seed."""

    def __init__(self, documents: list[Document]):
        self._relatives = Relatives(documents)
        self._documents = documents
        self._by_text = {seed_text(row): row for row in documents}

    def brainstorm(self, kind: str, generator: random.Random) -> str:
        """Tasks of `kind`; answers to different requests overlap, as a model's do."""
        wordings = generator.sample(_PASSAGES if kind == "long_long" else _SUMMARIES, k=TASKS_PER_ANSWER)
        return json.dumps({"tasks": [_TASKS[kind].format(wording=wording) for wording in wordings]})

    def sample(self, kind: str, prompt: str, generator: random.Random) -> dict:
        """One MGH sample for the seed text between <<< and >>> in `prompt`, or where it quotes none, for any.

        Raises LookupError when the quoted text is not in the corpus.
        """
        seed = self._seed(prompt, generator)
        text_of = _DOCUMENT_TEXT[kind]
        negatives = self._relatives.graded(seed, text_of, generator)
        return {
            "query": _QUERY[kind](seed),
            "positive_example": paraphrase(seed) if kind == "symmetric" else text_of(seed),
            "hard_negative_examples": [
                {"similarity_level": level, "text": text_of(row)} for level, row in zip(LEVELS, negatives, strict=True)
            ],
        }

    def _seed(self, prompt: str, generator: random.Random) -> Document:
        if "<<<" not in prompt:
            return generator.choice(self._documents)
        found = _SEED_TEXT.search(prompt)
        if found is None or found.group(1) not in self._by_text:
            raise LookupError("the text that the prompt quotes between <<< and >>> is not in the corpus")
        return self._by_text[found.group(1)]


def spoken_name(document: Document) -> str:
    """The object's name and its module in plain words: "KMeans.fit" in sklearn.cluster -> "cluster k means fit"."""
    module = document.group.split(".")[1:][-1:]
    joined = " ".join([*module, document.name]) or document.group
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", re.sub(r"[._]+", " ", joined))
    return " ".join(words.lower().split())


def paraphrase(document: Document) -> str:
    """The summary in other words; where the table knows none of them, the object's name leads it in."""
    rewritten = _REWRITE.sub(lambda match: _REWRITES[match.group(1).lower()], document.summary)
    if rewritten == document.summary:
        return f"{spoken_name(document).capitalize()}: {document.summary[0].lower()}{document.summary[1:]}"
    return rewritten[0].upper() + rewritten[1:]


def _halves(text: str) -> tuple[str, str]:
    """Two parts of about equal length, split after a sentence where one ends near the middle."""
    middle = len(text) // 2
    ends = [match.end() for match in re.finditer(r"[.!?:]\s+", text) if abs(match.end() - middle) < len(text) // 4]
    cut = min(ends, key=lambda end: abs(end - middle)) if ends else text.find(" ", middle) + 1
    return text[:cut].strip(), text[cut:].strip()


_QUERY = {
    "short_long": lambda row: row.summary,
    "long_short": lambda row: row.body,
    "short_short": spoken_name,
    "long_long": lambda row: _halves(row.body)[0],
    "symmetric": lambda row: row.summary,
}
_DOCUMENT_TEXT = {
    "short_long": lambda row: row.body,
    "long_short": lambda row: row.summary,
    "short_short": lambda row: row.summary,
    "long_long": lambda row: _halves(row.body)[1],
    "symmetric": lambda row: row.summary,
}
