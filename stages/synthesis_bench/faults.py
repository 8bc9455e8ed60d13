"""What the bench's server does instead of answering, byte for byte, and what the client should call it."""

import json
import zlib
from types import MappingProxyType

from stages.synthesis_bench.replies import completion, response

FAULTS = MappingProxyType(
    {
        "429": "rate_limited",  # with the wait that the server asks for
        "500": "server_error",
        "hang": "timeout",  # accepted, never answered
        "reset": "connection",  # the connection, without a byte
        "truncated": "connection",  # half of the body that was announced, then the end
        "invalid_body": "not_a_completion",  # JSON that is cut off
        "empty_body": "not_a_completion",
        "invalid_content": "invalid_json",  # a good reply around prose; from here on it is an answer, and refused
        "cut_content": "cut_short",
        "wrong_schema": "wrong_schema",
        "empty_content": "empty_answer",
    }
)
"""What the server does: the kind of failure that the client counts, or the reason of the rejection."""

ANSWERED = ("invalid_content", "cut_content", "wrong_schema", "empty_content")
"""Faults that are answers: they are paid for and kept; another seed is asked."""

REFUSALS = ("400", "401", "402", "403", "404")
"""Statuses at which a run stops at once."""

RETRY_AFTER_MS = 20

_CONTENTS = {
    "invalid_content": lambda text: "Here is the sample, as it comes: " + text.replace("{", "(").replace('"', ""),
    "cut_content": lambda text: text[: len(text) // 2],
    "wrong_schema": lambda text: json.dumps({**json.loads(text), "positive_example": ["not", "a", "string"]}),
    "empty_content": lambda _: "",
}


def unanswerable(prompt: str, share: float) -> bool:
    """Whether the server answers `prompt` wrongly whatever the seed; so it is with about this share of all prompts."""
    return zlib.crc32(prompt.encode()) % 100_000 < share * 100_000


def faulty_bytes(fault: str, text: str, quoted: str = "") -> bytes:
    """What is sent for `fault` where `text` would have been the answer; error messages end with `quoted`.

    Nothing for hang and reset. After "truncated" the connection must be closed.
    """
    if fault in ("hang", "reset"):
        return b""
    if fault == "429":
        return _error(429, f"rate limit reached {quoted}", f"retry-after-ms: {RETRY_AFTER_MS}\r\n")
    if fault == "500" or fault in REFUSALS:
        return _error(int(fault), f"the server is not well {quoted}")
    if fault == "empty_body":
        return response(200, b"")
    if fault == "invalid_body":
        body = completion(text)
        return response(200, body[: len(body) // 2] + quoted.encode())
    if fault == "truncated":
        whole = response(200, completion(text))
        return whole[: len(whole) // 2]
    return response(200, completion(_CONTENTS[fault](text), "length" if fault == "cut_content" else "stop"))


def _error(status: int, message: str, headers: str = "") -> bytes:
    return response(status, json.dumps({"error": {"message": message, "type": "bench"}}).encode(), headers)
