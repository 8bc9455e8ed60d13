"""What the client is compared with: `python -m stages.synthesis_bench.peer_clients NAME WORK`, a JSON object.

loop    workers over the openai client with its aiohttp transport on uvloop, nothing else
gather  one `asyncio.gather` over the openai client as it comes

Both keep the answers in memory, where they are lost if the process dies. Prints one line of JSON, and ends with its
standard input.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import uvloop

from stages.synthesis_bench.processes import KEY_VARIABLE


def bodies(path: str) -> Iterator[dict]:
    """The bodies of the requests, one JSON object a line."""
    with Path(path).open(encoding="utf-8") as file:
        yield from map(json.loads, file)


async def loop(path: str, base_url: str, concurrency: int) -> list[str]:
    found: list[str] = []
    limits = openai.DefaultAioHttpClient(limits=_limits(concurrency))
    async with openai.AsyncOpenAI(base_url=base_url, api_key=os.environ[KEY_VARIABLE], http_client=limits) as client:
        waiting = bodies(path)

        async def work() -> None:
            for body in waiting:  # shared: each worker takes the next one
                completion = await client.chat.completions.create(**body)
                found.append(completion.choices[0].message.content)

        await asyncio.gather(*(work() for _ in range(concurrency)))
    return found


async def gather(path: str, base_url: str, _: int) -> list[str]:
    async with openai.AsyncOpenAI(base_url=base_url, api_key=os.environ[KEY_VARIABLE]) as client:
        completions = await asyncio.gather(*(client.chat.completions.create(**body) for body in bodies(path)))
    return [completion.choices[0].message.content for completion in completions]


def _limits(concurrency: int):
    import httpx2

    return httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)


PEERS = {"loop": (loop, uvloop.run), "gather": (gather, asyncio.run)}


def main(name: str, work: dict) -> dict:
    peer, run = PEERS[name]
    started = time.perf_counter()
    found = run(peer(work["bodies"], work["base_url"], work["concurrency"]))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "samples": sum("query" in json.loads(text) for text in found)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))), flush=True)
    sys.stdin.read()
