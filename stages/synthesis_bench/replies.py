"""The little of HTTP and of the chat completions API that the bench's server speaks."""

import json


def response(status: int, body: bytes, headers: str = "") -> bytes:
    """A whole reply; `headers` are further lines, each with its end."""
    head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n{headers}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def completion(text: str, finish_reason: str = "stop") -> bytes:
    """The body of a chat completion that says `text`."""
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 500, "completion_tokens": 550, "total_tokens": 1050}
    reply = {"id": "bench", "object": "chat.completion", "created": 0, "model": "bench", "choices": [choice]}
    return json.dumps({**reply, "usage": usage}).encode()


def next_request(received: bytearray) -> tuple[bytes, bytes] | None:
    """Take one request off the front of `received`: head and body; None while it is not complete."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end])
    total = end + 4 + int(header(head, b"content-length") or 0)
    if len(received) < total:
        return None
    body = bytes(received[end + 4 : total])
    del received[:total]
    return head, body


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header, empty where there is none; `name` in lower case."""
    start = head.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    value, _, _ = head[start + len(name) + 3 :].partition(b"\r\n")
    return value.strip()
