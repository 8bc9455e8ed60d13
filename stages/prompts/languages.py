"""English names of the languages that a prompt can ask for."""

from collections.abc import Iterable

from stages.shared.errors import UserError

LANGUAGES = {
    "ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""By ISO 639-1 code."""


def check_languages(codes: Iterable[str]) -> None:
    """Raises UserError when a code has no name in `LANGUAGES`."""
    if unknown := [code for code in codes if code not in LANGUAGES]:
        raise UserError(
            f"prompts.languages: no name for {', '.join(unknown)}; allowed: {', '.join(LANGUAGES)}",
            next="choose among these, or add the language's English name to stages/prompts/languages.py",
        )
