"""The phrases that differ from prompt to prompt; templates/sample.txt is what they all share."""

from typing import NamedTuple


class KindPhrases(NamedTuple):
    """How a prompt speaks of one task kind. `{length}` reads like "of 2 to 6 words"."""

    shape: str
    query: str
    positive: str
    negatives: str
    rule: str  # what the positive does and no negative may do


KIND = {
    "short_long": KindPhrases(
        shape="a short query and long documents",
        query="a phrase or a sentence {length}, as somebody who looks for the positive would type it",
        positive="a passage {length} that satisfies the query as the task asks",
        negatives="four passages {length} each, none of which satisfies the query",
        rule="The positive fully satisfies the query; no negative does, not even in part.",
    ),
    "long_short": KindPhrases(
        shape="a long query and short documents",
        query="a passage {length}",
        positive="a phrase or a sentence {length} that matches the query as the task asks",
        negatives="four phrases or sentences {length} each, none of which matches the query",
        rule="The positive fully matches the query; no negative does, not even in part.",
    ),
    "short_short": KindPhrases(
        shape="a short query and short documents",
        query="a phrase or a sentence {length}",
        positive="a phrase or a sentence {length} that matches the query as the task asks, without repeating it",
        negatives="four phrases or sentences {length} each, none of which matches the query",
        rule="The positive fully matches the query; no negative does, not even in part.",
    ),
    "long_long": KindPhrases(
        shape="a long query and long documents",
        query="a passage {length}",
        positive="a passage {length} that matches the query as the task asks, without repeating it",
        negatives="four passages {length} each, none of which matches the query",
        rule="The positive fully matches the query; no negative does, not even in part.",
    ),
    "symmetric": KindPhrases(
        shape="two short texts of the same meaning, and four that differ in meaning",
        query="a phrase or a sentence {length}",
        positive="another one {length}, which says the same in other words",
        negatives="four phrases or sentences {length} each, none of which says the same",
        rule="The positive means what the query means; no negative can stand for it, not even loosely.",
    ),
}

SOURCE = {
    "task": "Choose a concrete subject that suits the task, and not the first that comes to mind.",
    "grounded": "Take the subject and the facts from this text. "
    "Where it does not suit the task to the letter, keep to its subject.",
    "retrieval": "Here is one example of the task: its first lines, up to the empty one, are a query, and the rest is "
    "the passage that answers it. Write a new example of the same task on the subject of this pair, and repeat neither "
    "its query nor its passage.",
}

CLARITY = {
    "clear": "What the query looks for is clear at first reading.",
    "some_effort": "What the query looks for takes some thought to see: it hints or describes instead of naming it.",
    "ambiguous": "What the query looks for can be understood in more than one way; "
    "the positive fits one of them, and no negative fits any.",
}
"""Of the query, except in the symmetric kind: a text of several meanings has no one paraphrase."""

DIFFICULTY = {
    "school": "All texts suit readers with a school education: everyday words and no jargon.",
    "college": "All texts suit readers with a college education: common terms of the subject may stand unexplained.",
    "expert": "All texts suit experts in the subject: precise terms, and details that only they would know.",
}
