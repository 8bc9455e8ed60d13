"""A Hub on this machine with the dataset repositories that it is given: listing, download, and troubles on request."""

import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubServer(ThreadingHTTPServer):
    """`repositories[name][revision][path]` are a file's bytes; `served` counts the files that were sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, dict[str, dict[str, bytes]]] = {}
        self.troubles: dict[str, int] = {}
        """Path -> HTTP status that it is answered with."""
        self.damaged: set[str] = set()
        """Paths that arrive with another first byte."""
        self.served: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, name: str, revision: str, files: dict[str, bytes]) -> None:
        self.repositories.setdefault(name, {})[revision] = files


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def log_message(self, *_):
        pass

    def _answer(self, body: bool) -> None:
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "datasets"]:  # api/datasets/ORG/NAME/tree/REVISION
            name, revision, path = "/".join(parts[2:4]), parts[5], None
        else:  # datasets/ORG/NAME/resolve/REVISION/PATH
            name, revision, path = "/".join(parts[1:3]), parts[4], "/".join(parts[5:])
        if name not in self.server.repositories:
            return self._send(404, {"X-Error-Code": "RepoNotFound"}, b"")
        if revision not in self.server.repositories[name]:
            return self._send(404, {"X-Error-Code": "RevisionNotFound"}, b"")
        files = self.server.repositories[name][revision]
        if path is None:
            listed = [{"type": "directory", "path": "folder", "oid": "0"}, *map(_entry, files, files.values())]
            return self._send(200, {"Content-Type": "application/json"}, json.dumps(listed).encode())
        if path in self.server.troubles:
            return self._send(self.server.troubles[path], {}, b"")
        content = files[path]
        headers = {"ETag": f'"{_hash(path, content)}"', "X-Repo-Commit": revision}
        if body:
            self.server.served.append(f"{name}/{path}")
            content = b"#" + content[1:] if path in self.server.damaged else content
        return self._send(200, headers, content, body)

    def _send(self, status: int, headers: dict[str, str], content: bytes, body: bool = True) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(content)


def _large(path: str) -> bool:
    return path.endswith((".parquet", ".gz"))  # kept in LFS there, and known by SHA-256


def _hash(path: str, content: bytes) -> str:
    if _large(path):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(path: str, content: bytes) -> dict:
    entry = {"type": "file", "path": path, "size": len(content), "oid": _hash(path, content)}
    if _large(path):
        entry["lfs"] = {"oid": _hash(path, content), "size": len(content), "pointerSize": 130}
    return entry
