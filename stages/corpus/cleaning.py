"""From a docstring's markup to plain sentences: a summary, and a body of prose."""

import re

from stages.shared.settings import Corpus

_RULE = re.compile(r"^\s*[-=~^*#`]{3,}\s*$")
_DOCTEST = re.compile(r"^\s*(>>>|\.\.\. |In \[\d+\]:)")
_DIRECTIVE = re.compile(r"^\s*\.\. .*$")
_FIELD = re.compile(r"^\s*:(param|type|return|returns|rtype|raises)\b[^:]*:", re.IGNORECASE)
_ROLE = re.compile(r":[a-zA-Z:]+:`~?\.?([^`<]*?)(?:\s*<[^>]*>)?`_{0,2}")
_LINK = re.compile(r"`([^`<]+?)\s*<[^>]*>`_{0,2}")
_MARKDOWN_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_TICKS = re.compile(r"`+_{0,2}|\*\*")
_CITATION = re.compile(r"\s*\[[\w*#]+\]_")
_URL = re.compile(r"<?https?://\S+>?")
_MATH = re.compile(r"\\[a-zA-Z]+|[{}$]")
_HEADING = {
    *("parameters", "returns", "yields", "raises", "warns", "see also", "notes", "references", "examples", "example"),
    *("attributes", "methods", "other parameters", "args", "arguments", "return", "note", "warning", "usage"),
    *("warnings", "keyword args", "explanation", "todo"),
}
_CUT_FROM = {"references", "see also", "examples", "example", "methods", "usage"}


def split(text: str, settings: Corpus) -> tuple[str, str] | None:
    """The summary and the body of a docstring as plain text, or None when either is too short or is not prose."""
    summary_lines, _, body_lines = text.strip().partition("\n\n")
    summary = _plain(summary_lines.splitlines())
    body = _plain(_without_code(body_lines.splitlines()))
    if len(summary.split()) < settings.min_summary_words or len(summary) > settings.max_summary_characters:
        return None
    body = cut(body, settings.max_body_characters)
    if len(body.split()) < settings.min_body_words or not (_is_prose(summary) and _is_prose(body)):
        return None
    return summary, body


def cut(text: str, characters: int) -> str:
    """`text` cut at the last word that ends within `characters`."""
    if len(text) <= characters:
        return text
    return text[: characters + 1].rsplit(" ", 1)[0].rstrip(" ,;:(")


def _without_code(lines: list[str]) -> list[str]:
    """Lines without doctests and their output, headings, rules, directives, fenced code; ends at the first appendix."""
    kept: list[str] = []
    in_doctest = in_fence = False
    for line in lines:
        bare = line.strip().rstrip(":").lower()
        if line.strip().startswith("```"):
            in_fence = not in_fence
            continue
        if bare in _CUT_FROM:
            break
        if _DOCTEST.match(line):
            in_doctest = True
            continue
        if not line.strip():
            in_doctest = False
        if in_fence or in_doctest or bare in _HEADING or _RULE.match(line) or _DIRECTIVE.match(line):
            continue
        kept.append(line)
    return kept


def _plain(lines: list[str]) -> str:
    text = " ".join(_FIELD.sub("", line).strip() for line in lines if not _RULE.match(line))
    text = _LINK.sub(r"\1", _ROLE.sub(r"\1", text))
    text = _URL.sub("", _MARKDOWN_LINK.sub(r"\1", text))
    text = _MATH.sub(" ", _CITATION.sub("", _TICKS.sub("", text)))
    return re.sub(r"\s+", " ", text.replace("::", ":")).strip(" -:")


def _is_prose(text: str) -> bool:
    """Mostly ASCII letters and spaces: leaves out tables, formulas and other languages."""
    letters = sum(character.isascii() and (character.isalpha() or character == " ") for character in text)
    return letters >= 0.75 * len(text)
