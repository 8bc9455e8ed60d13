"""Puts a prompt into words: the shared template with the phrases for one kind, source and variant."""

from pathlib import Path
from string import Template

from stages.prompts.languages import LANGUAGES
from stages.prompts.phrases import CLARITY, DIFFICULTY, KIND, SOURCE
from stages.prompts.variants import Variant
from stages.shared.records import Document
from stages.shared.text import seed_text

TEMPLATE = Template((Path(__file__).parent / "templates" / "sample.txt").read_text(encoding="utf-8"))


def write_prompt(source: str, kind: str, task: str, variant: Variant, document: Document | None) -> str:
    """The message that asks for one sample of the task that `task` describes.

    The text of `document` is quoted between <<< and >>>; there is none where `source` is "task".
    """
    phrases = KIND[kind]
    query, documents = length(variant.query_words), length(variant.document_words)
    rules = [
        phrases.rule,
        *([CLARITY[variant.clarity]] if variant.clarity else []),
        DIFFICULTY[variant.difficulty],
        "Every text stands on its own: it mentions neither the task nor the other texts.",
        f"All texts are in {LANGUAGES[variant.language]}.",
    ]
    return TEMPLATE.substitute(
        shape=phrases.shape,
        task=task.removesuffix("."),
        start=f"{SOURCE[source]}\n<<<\n{seed_text(document)}\n>>>" if document else SOURCE[source],
        query=phrases.query.format(length=query),
        positive=phrases.positive.format(length=documents),
        negatives=phrases.negatives.format(length=documents),
        rules="\n".join(f"- {rule}" for rule in rules),
    )


def length(words: list[int]) -> str:
    """The range [fewest, most] in words: "of 2 to 6 words"."""
    fewest, most = words
    if most == 1:
        return "of one word"
    if fewest == most:
        return f"of {most} words"
    return f"of at most {most} words" if fewest == 1 else f"of {fewest} to {most} words"
