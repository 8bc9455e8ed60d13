"""Words of a text, also in languages that write no space between them."""

import math

from stages.shared.text import normalised

CHARACTERS_PER_WORD = {"zh": 1.5, "ja": 2.0, "th": 4.0, "lo": 4.0, "km": 4.0, "my": 4.0}
"""About how many characters a word has, by ISO 639-1 code, where no space ends it."""


def word_count(text: str, language: str) -> int:
    """How many words `text` has; an estimate in the languages of CHARACTERS_PER_WORD."""
    words = text.split()
    per_word = CHARACTERS_PER_WORD.get(language)
    return math.ceil(sum(map(len, words)) / per_word) if per_word else len(words)


def units(text: str, language: str) -> list[str]:
    """What n-grams of `text` are made of: lower-case words, or characters in the languages of CHARACTERS_PER_WORD."""
    words = normalised(text).split()
    return list("".join(words)) if language in CHARACTERS_PER_WORD else words
