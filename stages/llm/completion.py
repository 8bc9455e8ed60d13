"""From the JSON of a chat completion to an answer."""

from stages.llm.requests import Answer


def read_completion(completion: object) -> Answer:
    """The answer in a chat completion. Raises ValueError for anything else, an error with status 200 included."""
    if not isinstance(completion, dict) or not isinstance(completion.get("choices"), list) or not completion["choices"]:
        raise ValueError("no choices")
    choice, usage = completion["choices"][0], completion.get("usage") or {}
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ValueError("no message")
    refusal = message.get("refusal")
    text = refusal or message.get("content") or ""
    if isinstance(text, list):  # content in parts
        text = "".join(part.get("text", "") for part in text if isinstance(part, dict))
    # SQLite and Parquet refuse half of a surrogate pair, which a server writes when it cuts an emoji.
    text = str(text).encode(errors="replace").decode()
    reason = "refusal" if refusal else choice.get("finish_reason") or ""
    return Answer(text, str(reason), usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)
