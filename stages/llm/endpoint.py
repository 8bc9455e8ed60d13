"""The endpoint that a profile names: a server elsewhere, or the local one, running for as long as it is needed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from stages.llm.client import Endpoint
from stages.shared.settings import Llm, LocalEndpoint

CORPUS = "data/corpus/train.parquet"


@contextmanager
def open_endpoint(llm: Llm) -> Iterator[Endpoint]:
    """An endpoint that answers until the block ends."""
    if isinstance(llm.endpoint, LocalEndpoint):
        from stages.llm.local.server import serve

        with serve(CORPUS, llm.endpoint.fault_share) as endpoint:
            yield endpoint
        return
    # An empty key is no key. Without one the ledger can still answer.
    yield Endpoint(llm.endpoint.base_url, llm.endpoint.model, os.environ.get(llm.endpoint.api_key_env) or None)
