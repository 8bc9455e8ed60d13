"""The Batch API of the local endpoint: files and batches in memory, answered line by line between other requests."""

import asyncio
import json
from collections.abc import Callable
from itertools import count

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Batches:
    """Routes for files and batches over `answer`, which gives a request's body its status and reply.

    Ids count up, so the same calls give the same ids and files.
    """

    def __init__(self, answer: Callable[[object], tuple[int, dict]]):
        self._answer, self._ids = answer, count(1)
        self._files: dict[str, bytes] = {}
        self._batches: dict[str, dict] = {}
        self._working: set[asyncio.Task] = set()

    def routes(self) -> list[Route]:
        return [
            Route("/v1/files", self._upload, methods=["POST"]),
            Route("/v1/files/{id}/content", self._content),
            Route("/v1/batches", self._create, methods=["POST"]),
            Route("/v1/batches", self._list),
            Route("/v1/batches/{id}", self._retrieve),
        ]

    async def _upload(self, request: Request) -> Response:
        content = uploaded_file(request.headers.get("content-type", ""), await request.body())
        if content is None:
            return _error(400, "no file in the form")
        file = self._keep(content)
        return JSONResponse({"id": file, "object": "file", "bytes": len(content), "created_at": 0, "purpose": "batch"})

    async def _content(self, request: Request) -> Response:
        content = self._files.get(request.path_params["id"])
        return _error(404, "no such file") if content is None else Response(content)

    async def _create(self, request: Request) -> Response:
        try:
            given = dict(await request.json())
        except (ValueError, TypeError) as error:
            return _error(400, f"not a batch: {error}")
        if given.get("input_file_id") not in self._files:
            return _error(404, "no such file")
        batch = {
            "id": f"batch-{next(self._ids)}",
            "object": "batch",
            "endpoint": given.get("endpoint"),
            "input_file_id": given["input_file_id"],
            "completion_window": given.get("completion_window"),
            "status": "validating",
            "created_at": 0,
            "metadata": given.get("metadata"),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }
        self._batches[batch["id"]] = batch
        task = asyncio.create_task(self._work(batch))
        self._working.add(task)  # the loop itself does not keep it alive
        task.add_done_callback(self._working.discard)
        return JSONResponse(batch)

    async def _list(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": list(self._batches.values())[::-1], "has_more": False})

    async def _retrieve(self, request: Request) -> Response:
        batch = self._batches.get(request.path_params["id"])
        return _error(404, "no such batch") if batch is None else JSONResponse(batch)

    async def _work(self, batch: dict) -> None:
        """Answer each line; what failed stands in a file of its own."""
        try:
            lines = [json.loads(line) for line in self._files[batch["input_file_id"]].splitlines()]
            asked = [(line["custom_id"], line["body"]) for line in lines]
        except (ValueError, LookupError, TypeError) as error:
            wrong = {"code": "invalid_json_line", "message": f"not a file of requests: {error!r}", "line": None}
            batch.update(status="failed", errors={"object": "list", "data": [wrong]})
            return
        batch["status"], counts = "in_progress", batch["request_counts"]
        counts["total"] = len(asked)
        outputs, errors = [], []
        for custom_id, body in asked:
            status, reply = self._answer(body)
            response = {"status_code": status, "request_id": "local", "body": reply}
            line = {"id": "local", "custom_id": custom_id, "response": response, "error": None}
            (outputs if status == 200 else errors).append(json.dumps(line))
            counts["completed" if status == 200 else "failed"] += 1
            await asyncio.sleep(0)  # whoever asks meanwhile is not kept waiting
        for name, written in (("output_file_id", outputs), ("error_file_id", errors)):
            if written:
                batch[name] = self._keep("".join(f"{line}\n" for line in written).encode())
        batch["status"] = "completed"

    def _keep(self, content: bytes) -> str:
        file = f"file-{next(self._ids)}"
        self._files[file] = content
        return file


def uploaded_file(content_type: str, body: bytes) -> bytes | None:
    """What the field `file` of a multipart form holds. A package that parses all forms is not worth its weight here."""
    _, _, boundary = content_type.partition("boundary=")
    if not boundary:
        return None
    for part in body.split(b"--" + boundary.strip('"').encode()):
        head, blank, content = part.partition(b"\r\n\r\n")
        if blank and b'name="file"' in head:
            return content.removesuffix(b"\r\n")
    return None


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)
