"""The endpoint that a profile names: a server elsewhere, or the local one, running for as long as it is needed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from stages.llm.client import Endpoint
from stages.shared.errors import UserError
from stages.shared.settings import Llm, LocalEndpoint

CORPUS = "data/corpus/train.parquet"


@contextmanager
def open_endpoint(llm: Llm) -> Iterator[Endpoint]:
    """An endpoint that answers until the block ends. Raises UserError when its key is not set."""
    if isinstance(llm.endpoint, LocalEndpoint):
        from stages.llm.local.server import serve

        with serve(CORPUS, llm.endpoint.fault_share) as endpoint:
            yield endpoint
        return
    key = os.environ.get(llm.endpoint.api_key_env)
    if not key:
        raise UserError(
            f"the environment variable {llm.endpoint.api_key_env}, which holds the API key, is not set",
            next=f"export {llm.endpoint.api_key_env}=... (any text for a server without keys); profile tiny needs none",
        )
    yield Endpoint(llm.endpoint.base_url, llm.endpoint.model, key)
