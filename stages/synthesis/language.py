"""Tells texts that are surely in another language than the one asked for (naive Bayes over byte n-grams, py3langid)."""

from functools import cache

CHARACTERS = 40
"""What is looked at of each text: enough for the six of a sample together, and little to walk through."""

FEWEST_BYTES = 120
"""Below this the texts are too short to tell; in bytes, because a Chinese character tells as much as three letters."""

SURELY, SURELY_NOT = 0.6, 0.05
"""Probability from which a language is found, and below which the one asked for is not: in between the texts pass, and
so do code and formulas. English library documentation keeps above 0.4 for English."""

_NO_LANGUAGE = "zxx"  # py3langid's class for code, numbers and the like


def foreign(texts: list[str], language: str) -> str | None:
    """The code of the language that `texts` are in, together, if it is surely not `language` (ISO 639-1), else None.

    One foreign text among six is not found by this, most of them are. Languages that py3langid lacks are not checked.
    """
    sample = " ".join(text[:CHARACTERS] for text in texts)
    if len(sample.encode()) < FEWEST_BYTES:
        return None
    identifier = _identifier()
    found, probability = identifier.classify(sample)
    if probability < SURELY or found in (language, _NO_LANGUAGE) or language not in identifier.nb_classes:
        return None
    return found if dict(identifier.rank(sample))[language] < SURELY_NOT else None


@cache
def _identifier():
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # loads numpy, and half a second of model

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
