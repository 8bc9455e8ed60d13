"""The endpoint that a profile names: servers elsewhere, or the local one, running for as long as it is needed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stages.llm.failures import Server
from stages.shared.settings import AnyEndpoint, LocalEndpoint

CORPUS = "data/corpus/train.parquet"


@dataclass(frozen=True, slots=True)
class Weighted:
    """A server, its share of the work, and the limits that its provider sets."""

    server: Server
    weight: float = 1.0
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model behind one or several servers."""

    model: str
    servers: tuple[Weighted, ...]
    key_names: tuple[str, ...] = ()  # environment variables that should hold a key and do not

    @property
    def has_keys(self) -> bool:
        return all(weighted.server.api_key is not None for weighted in self.servers)

    @classmethod
    def single(cls, base_url: str, model: str, api_key: str | None, *, forgets: bool = False) -> "Endpoint":
        return cls(model, (Weighted(Server(base_url, model, api_key, forgets)),))


@contextmanager
def open_endpoint(settings: AnyEndpoint, *, replay: bool = False) -> Iterator[Endpoint]:
    """An endpoint that answers until the block ends; with `replay` only its model's name is good for something."""
    if isinstance(settings, LocalEndpoint):
        from stages.llm.local.server import model_name, serve

        if replay:
            yield Endpoint.single("", model_name(CORPUS, settings.fault_share), None)
            return
        with serve(CORPUS, settings.fault_share) as endpoint:
            yield endpoint
        return
    servers, missing = [], []
    for given in settings.servers:
        key = os.environ.get(given.api_key_env) or None  # an empty key is no key
        if key is None:
            missing.append(given.api_key_env)
        server = Server(given.base_url, settings.model, key)
        servers.append(Weighted(server, given.weight, given.requests_per_minute, given.tokens_per_minute))
    yield Endpoint(settings.model, tuple(servers), tuple(dict.fromkeys(missing)))
