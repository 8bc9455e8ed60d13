"""Requests and answers in the file format of OpenAI's Batch API, which `vllm run-batch` reads and writes too."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stages.llm.completion import read_completion
from stages.llm.failures import FormRefused, Passing, Server, judge
from stages.llm.ledger import Ledger, Row
from stages.llm.requests import Answer, ChatBody, Jobs, canonical, chat_bodies, chat_body, request_key
from stages.shared.errors import UserError
from stages.shared.settings import Llm

MOST_REQUESTS, MOST_BYTES = 50_000, 180_000_000
"""Of one file. OpenAI takes 50,000 requests and 200 MB."""

CHUNK = 1000
"""Rows in one transaction."""

URL = "/v1/chat/completions"

# Line breaks to some readers, though not to JSON.
_BREAKS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


@dataclass(frozen=True, slots=True)
class RequestFile:
    path: Path
    requests: int
    digest: str  # of the content


def request_line(body: ChatBody) -> str:
    """The body stands in it as it is sent online, and its key is the `custom_id`."""
    return f'{{"custom_id": "{body.key}", "method": "POST", "url": "{URL}", "body": {body.json.translate(_BREAKS)}}}\n'


def write_files(bodies: Iterable[ChatBody], path: Callable[[], Path]) -> Iterator[RequestFile]:
    """Write `bodies` to as many files as the limits ask for; `path` names the next. Each is complete when yielded.

    Of equal requests in one file the first is written, because a `custom_id` must be unique.
    """
    writer = None
    for body in bodies:
        line = request_line(body).encode()
        if writer is not None and writer.is_full(line):
            yield writer.close()
            writer = None
        writer = writer or _Writer(path())
        writer.write(body.key, line)
    if writer is not None:
        yield writer.close()


def wanted(
    jobs: Jobs, model: str, llm: Llm, ledger: Ledger, seen: Callable[[Answer], None] = lambda _: None
) -> Iterator[ChatBody]:
    """The first unanswered request of each job that has no accepted answer; `seen` is called with each known answer."""
    for job in jobs:
        for attempt in range(job.tries):
            request = job.request(attempt)
            known = (ledger.get(body.key) for body in chat_bodies(request, model, llm))
            answer = next((answer for answer in known if answer is not None), None)
            if answer is None:
                yield chat_body(request, model, llm, llm.response_format)
                break
            seen(answer)
            if job.accepts(answer, attempt):
                break


class _Writer:
    def __init__(self, path: Path):
        self._path, self._keys, self._size, self._hash = path, set(), 0, hashlib.sha256()
        self._file = path.open("wb")

    def is_full(self, line: bytes) -> bool:
        return len(self._keys) >= MOST_REQUESTS or self._size + len(line) > MOST_BYTES

    def write(self, key: str, line: bytes) -> None:
        if key in self._keys:
            return
        self._keys.add(key)
        self._size += len(line)
        self._hash.update(line)
        self._file.write(line)

    def close(self) -> RequestFile:
        self._file.close()
        return RequestFile(self._path, len(self._keys), self._hash.hexdigest()[:16])


def read_bodies(path: Path) -> Iterator[ChatBody]:
    """The requests in a file; a damaged line, whose `custom_id` is not its body's key, is passed over."""
    with path.open("rb") as file:
        for line in file:
            try:
                request = json.loads(line)
                text = canonical(request["body"])
                if request_key(text) == request["custom_id"]:
                    yield ChatBody(text, request["custom_id"], request["body"]["model"])
            except (ValueError, LookupError, TypeError):
                continue


class Outputs:
    """Lines of output and error files by `custom_id`, of which the first counts. Only their places are in memory."""

    def __init__(self, paths: Sequence[Path]):
        """Raises OSError for a file that cannot be read. `malformed` names the lines that are no output."""
        self._files = [path.open("rb") for path in paths]
        self._places: dict[str, tuple[int, int]] = {}
        self.malformed: list[str] = []
        for index, path in enumerate(paths):
            place = 0
            for number, line in enumerate(self._files[index], 1):
                if line.strip():
                    self._index(line, (index, place), f"{path}: line {number}")
                place += len(line)

    def _index(self, line: bytes, place: tuple[int, int], name: str) -> None:
        try:
            given = json.loads(line)
            if not isinstance(given, dict) or not isinstance(given.get("custom_id"), str):
                raise ValueError("no custom_id")
        except ValueError as error:
            self.malformed.append(f"{name}: not a line of a batch's output: {error}")
        else:
            self._places.setdefault(given["custom_id"], place)

    def __len__(self) -> int:
        """How many have not been taken."""
        return len(self._places)

    def take(self, custom_id: str) -> dict | None:
        """The line of `custom_id`, once."""
        place = self._places.pop(custom_id, None)
        if place is None:
            return None
        file = self._files[place[0]]
        file.seek(place[1])
        return json.loads(file.readline())

    def __enter__(self) -> "Outputs":
        return self

    def __exit__(self, *_) -> None:
        for file in self._files:
            file.close()


def read_line(line: dict, server: Server) -> Answer:
    """The answer in a line of an output. Raises Passing if it is worth asking again, UserError if it is not."""
    response, error = line.get("response"), line.get("error")
    if not isinstance(response, dict):  # the request never reached the model
        code = error.get("code") if isinstance(error, dict) else None
        kind = {"batch_expired": "expired", "batch_cancelled": "cancelled"}.get(code, "server_error")
        raise Passing(kind, server.without_key(json.dumps(error, ensure_ascii=False))[:400])
    status, body = response.get("status_code"), response.get("body")
    try:
        if status == 200 and not error:
            answer = read_completion(body)
        else:  # OpenAI puts the reason into the body, vLLM beside it
            status = status if isinstance(status, int) else 500
            answer = judge(server, status, json.dumps(error or body, ensure_ascii=False))
    except FormRefused:
        raise form_refused(server) from None
    except (ValueError, TypeError, AttributeError) as wrong:
        given = server.without_key(json.dumps(body, ensure_ascii=False))[:200]
        raise Passing("not_a_completion", f"the reply is not a chat completion but {given}") from wrong
    return replace(answer, batch=True)


def form_refused(server: Server) -> UserError:
    return UserError(
        f"{server} refuses the response_format of the requests in a batch",
        next="set llm.response_format in the profile to a simpler one: json_object after json_schema, text after that",
    )


@dataclass
class Taken:
    """What became of the lines of an output."""

    new: int = 0
    there: int = 0  # answers that the ledger had
    silent: int = 0  # requests without a line
    failures: Counter = field(default_factory=Counter)  # by kind
    details: dict[str, str] = field(default_factory=dict)  # of the last failure of each kind
    refusal: UserError | None = None  # the first failure that asking again would not mend


def take(
    bodies: Iterable[ChatBody],
    outputs: Outputs,
    read: Callable[[dict], Answer],
    ledger: Ledger,
    paid: Callable[[Answer], None] = lambda _: None,
) -> Taken:
    """Put the answers to `bodies` into the ledger; `paid` is called with each new one once it is on disk."""
    taken, rows = Taken(), []

    def put() -> None:
        ledger.put(rows)
        taken.new += len(rows)
        for row in rows:
            paid(row.answer)
        rows.clear()

    for body in bodies:
        line = outputs.take(body.key)
        if line is None:
            taken.silent += 1
        elif ledger.get(body.key) is not None:
            taken.there += 1
        else:
            try:
                rows.append(Row.of(body, read(line)))
            except Passing as failure:
                _count(taken, failure.kind, failure.detail)
            except UserError as refusal:
                _count(taken, "refused", refusal.args[0])
                taken.refusal = taken.refusal or refusal
        if len(rows) == CHUNK:
            put()
    if rows:
        put()
    return taken


def _count(taken: Taken, kind: str, detail: str) -> None:
    taken.failures[kind] += 1
    taken.details[kind] = detail
