"""Reads JSON that a model wrote, mending only what can be meant in one way.

Text inside strings is never altered, and JSON that ends too early is never completed.
"""

import json
import re

from stages.llm.answers import HardNegative
from stages.shared.records import LEVELS
from stages.shared.text import normalised

_BYTE_ORDER_MARK = "\ufeff"
_FENCE = re.compile(r"```(?:json)?", re.IGNORECASE)
_BRACKET = re.compile(r"[][{}]")
# A string, even one that never ends, is one match: no comma in it is found, and hostile text is read only once.
_STRING_OR_TRAILING_COMMA = re.compile(r'("(?:[^"\\]++|\\.)*+"?)|,(?=\s*[]}])', re.DOTALL)


def read_json(text: str) -> tuple[object, list[str]]:
    """The value that `text` holds, and the names of the repairs that it took, in time linear in its length.

    Repairs: "byte_order_mark" before the value; "code_fence" and "prose" around the only object in the text;
    "trailing_comma" before a closing bracket.

    Raises json.JSONDecodeError for anything else: also for objects that name a key twice, for half a surrogate pair
    (which no file can hold), and for values too deep or numbers too long to be read.
    """
    repairs = []
    if text.startswith(_BYTE_ORDER_MARK):
        text = text.removeprefix(_BYTE_ORDER_MARK)
        repairs.append("byte_order_mark")
    try:
        return _whole(text), repairs
    except json.JSONDecodeError:
        start = text.find("{")
        if start < 0:
            raise
    try:
        value, end = _value_at(text, start)
    except json.JSONDecodeError:
        text = text[:start] + _STRING_OR_TRAILING_COMMA.sub(r"\1", text[start:])
        value, end = _value_at(text, start)
        repairs.append("trailing_comma")
    return value, repairs + _around(text, start, end)


def four_negatives(negatives: list[HardNegative]) -> list[HardNegative] | None:
    """What is left of too many negatives without the empty and the repeated ones, if those are four in order of level.

    None where they are not, or where it matters which of two equal texts is left out.
    """
    filled = [negative for negative in negatives if normalised(negative.text)]
    first, last = _first_of_each_text(filled), _first_of_each_text(filled[::-1])
    if not _in_order(kept := list(first.values())):
        return None
    if _in_order(list(last.values())[::-1]) and list(last)[::-1] != list(first):
        return None
    return kept


def _first_of_each_text(negatives: list[HardNegative]) -> dict[str, HardNegative]:
    by_text: dict[str, HardNegative] = {}
    for negative in negatives:
        by_text.setdefault(normalised(negative.text), negative)
    return by_text


def _in_order(negatives: list[HardNegative]) -> bool:
    return tuple(negative.similarity_level for negative in negatives) == LEVELS


def _whole(text: str) -> object:
    start = len(text) - len(text.lstrip())
    value, end = _value_at(text, start)
    if text[end:].strip():
        raise json.JSONDecodeError("text after the value", text, end)
    return value


def _value_at(text: str, start: int) -> tuple[object, int]:
    """The value that begins at `start`, and where it ends."""
    try:
        value, end = _DECODER.raw_decode(text, start)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(f"JSON that cannot be used ({error})", text, start) from error
    return value, end


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("an object names a key twice")
    return fields


_DECODER = json.JSONDecoder(object_pairs_hook=_distinct)


def _around(text: str, start: int, end: int) -> list[str]:
    """What stands around the object, as names of repairs; raises JSONDecodeError where it may be another value."""
    before, after = text[:start].strip(), text[end:].strip()
    if found := _BRACKET.search(before) or _BRACKET.search(after):
        raise json.JSONDecodeError(f"{found[0]!r} beside the object", text, start)
    repairs = ["code_fence"] if "```" in before else []
    if _FENCE.sub("", before).strip() or _FENCE.sub("", after).strip():
        repairs.append("prose")
    return repairs
