"""Forms of a text that more than one stage must agree on."""

import re

from stages.shared.records import Document

RETRIEVAL_INSTRUCTION = "Given a summary, retrieve the passage that it summarises"
"""The task of every public retrieval pair, whose query is a document's summary and whose positive is its body."""


def normalised(text: str) -> str:
    """Lower-case words only: two texts with the same normalised form are duplicates."""
    return " ".join(re.findall(r"\w+", text.lower()))


def seed_text(document: Document) -> str:
    """How a prompt quotes a document."""
    return f"{document.summary}\n\n{document.body}"
