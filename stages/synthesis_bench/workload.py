"""What is asked and answered in the bench: prompts of about 2,000 characters, samples of about 400 words, seeded."""

import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from stages.shared.files import content_id
from stages.shared.records import KINDS, LEVELS, ChatRequest, write_records

ANSWERS = 64
"""Different answers of the server; a sample's id also depends on its request, so no two samples are equal."""

SENTENCES = 2000
QUERY_WORDS, DOCUMENT_WORDS = [5, 40], [40, 120]

_WHO = (
    *("The old librarian", "A careful engineer", "The night nurse", "Our new neighbour", "The harbour master"),
    *("A young botanist", "The village council", "Every second visitor", "The chief accountant", "A retired pilot"),
)
_DOES = (
    *("explains", "has measured", "wants to compare", "describes in detail", "no longer trusts", "recently repaired"),
    *("tried to reproduce", "keeps a record of", "warned the others about", "would rather replace"),
)
_WHAT = (
    *("the pressure in the long pipes", "the oldest maps of the coast", "the price of winter wheat"),
    *("the rules for shared gardens", "the noise of the eastern pumps", "the timetable of the mountain railway"),
    *("the results of the spring survey", "the letters from the archive", "the colour of the river"),
)
_WHEN = (
    *("before the first snow falls", "although nobody had asked for it", "while the market is still closed"),
    *("because the earlier report was incomplete", "as soon as the ferry arrives", "in spite of the heavy rain"),
)
_TASK = (
    "You have been assigned a retrieval task: given a question about everyday work, retrieve the passage that answers "
    "it.\n\nYour mission is to write one training sample for this task as a JSON object with these keys:\n"
    '- "query": a string, what a person would type, of {query[0]} to {query[1]} words.\n'
    '- "positive_example": a string, a passage of {document[0]} to {document[1]} words that answers the query.\n'
    '- "hard_negative_examples": a list of four objects with "similarity_level" and "text", in the order high, medium, '
    "medium, low; each text has {document[0]} to {document[1]} words and looks relevant, but does not answer the "
    "query.\n\nPlease follow these rules:\n- Every text stands on its own: it mentions neither the task nor the other "
    "texts.\n- All texts are in English.\n- The texts take a college education to understand.\n- The query is clear.\n"
    "\n"
    "Write from this text:\n<<<\n{text}\n>>>\n\nYour output is a JSON object only, without explanation. Be creative!"
)


def requests(count: int, seed: int = 0) -> Iterator[ChatRequest]:
    """`count` requests, each made when it is asked for; more of them change none of the earlier ones."""
    generator, known = random.Random(f"requests {seed}"), sentences()
    for number in range(count):
        text = f"Note {number}. {' '.join(generator.choices(known, k=11))}"
        prompt = _TASK.format(query=QUERY_WORDS, document=DOCUMENT_WORDS, text=text)
        yield ChatRequest(
            id=content_id(prompt),
            source="grounded",
            task_id="bench",
            seed_id=str(number),
            kind=KINDS[number % len(KINDS)],
            language="en",
            query_words=QUERY_WORDS,
            document_words=DOCUMENT_WORDS,
            instruction="Given a question about everyday work, retrieve the passage that answers it.",
            prompt=prompt,
        )


def write_requests(path: Path, count: int) -> None:
    write_records(path, ChatRequest, requests(count))


@cache
def answers() -> tuple[str, ...]:
    """JSON texts, each a sample that passes the checks of `requests`."""
    generator = random.Random("answers")
    return tuple(json.dumps(_sample(generator)) for _ in range(ANSWERS))


def _sample(generator: random.Random) -> dict:
    documents = [" ".join(generator.sample(sentences(), length)) for length in (4, 5, 4, 5, 4)]
    negatives = [{"similarity_level": level, "text": text} for level, text in zip(LEVELS, documents[1:], strict=True)]
    return {
        "query": generator.choice(sentences()),
        "positive_example": documents[0],
        "hard_negative_examples": negatives,
    }


@cache
def sentences() -> list[str]:
    """What all texts are made of."""
    generator = random.Random("sentences")
    whole = [f"{who} {does} {what} {when}." for who in _WHO for does in _DOES for what in _WHAT for when in _WHEN]
    return generator.sample(whole, SENTENCES)
