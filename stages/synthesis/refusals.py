"""Models that decline to write a sample, in English: they mostly do so whatever language they are asked for."""

import re

_LEAD_IN = (
    r"(?:(?:i am|i'm|we are|we're)\s+(?:very |so |really )?sorry|sorry|i apologi[sz]e|my apologies|unfortunately)"
)
_CANNOT = (
    r"(?:i|we)\s*(?:can't|cannot|can not|won't|will not|(?:am|'m|are|'re)\s+(?:not able|unable)\s+to|"
    r"(?:must|have to)\s+decline)"
)
_SERVE = r"(?:help|assist|fulfil|fulfill|comply|provide|generate|create|write|produce|continue|complete|engage|do that)"
_MACHINE = r"as an ai(?: language)?(?: model| assistant)?,? i\b"

# Where JSON was asked for, prose that begins with an apology is a refusal.
_REPLY = re.compile(rf"\W*(?:{_LEAD_IN}\b|{_CANNOT}\b|{_MACHINE})")
# A text of a sample may apologise, so more is asked of it: that the writer cannot do what an assistant does.
_TEXT = re.compile(
    rf"\W*(?:{_LEAD_IN}[\s,.:;!-]+(?:but\s+)?{_CANNOT}\s+{_SERVE}\b|{_CANNOT}\s+(?:assist|fulfill?|comply)\b|{_MACHINE})"
)


def is_refusal(reply: str) -> bool:
    """Whether a whole reply, which is not JSON, declines."""
    return _REPLY.match(_beginning(reply)) is not None


def holds_refusal(text: str) -> bool:
    """Whether one text of a sample is a refusal instead."""
    return _TEXT.match(_beginning(text)) is not None


def _beginning(text: str) -> str:
    return text[:120].lower().replace("’", "'")
