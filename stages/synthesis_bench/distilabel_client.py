"""distilabel's OpenAILLM over the same requests; run by an interpreter that has distilabel: FILE WORK, a JSON object.

Imports nothing of this project. Batches of as many prompts as the others have under way, the way that distilabel's
steps hand them to the model; no pipeline around it, which would only add to time and memory. Prints one line of JSON,
and ends with its standard input.
"""

import json
import os
import sys
import time
import warnings
from itertools import islice

warnings.filterwarnings("ignore")

from distilabel.models import OpenAILLM  # noqa: E402


def main(work: dict) -> dict:
    llm = OpenAILLM(
        model="bench",
        base_url=work["base_url"],
        api_key=os.environ["BENCH_API_KEY"],
        generation_kwargs={"max_new_tokens": 2048, "temperature": 1.0},
    )
    found = []
    started = time.perf_counter()
    llm.load()
    with open(work["bodies"], encoding="utf-8") as file:
        prompts = (json.loads(line)["messages"] for line in file)
        while batch := list(islice(prompts, work["concurrency"])):
            for output in llm.generate_outputs(inputs=batch):
                found += output["generations"]
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "samples": sum("query" in json.loads(text) for text in found if text)}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
    sys.stdin.read()
