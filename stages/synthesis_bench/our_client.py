"""The project's client over one file of requests: `python -m stages.synthesis_bench.our_client WORK`, a JSON object.

The same path as the synthesis stage: jobs from Parquet, the turn at the ledger, the client, the checks, the ledger. The
API key is in the environment, as there. Prints one line of JSON, and ends with its standard input.
"""

import json
import sys
import time
from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from ruamel.yaml import YAML

from stages.llm.account import Account
from stages.llm.endpoint import Endpoint, open_endpoint
from stages.llm.ledger import Ledger
from stages.llm.local.server import serve
from stages.llm.model import LanguageModel
from stages.shared import runtime
from stages.shared.errors import UserError
from stages.shared.records import RecordWriter, Sample
from stages.shared.settings import OpenAIEndpoint, Profile, Server
from stages.synthesis.jobs import SynthesisJobs
from stages.synthesis.language import foreign
from stages.synthesis_bench.processes import KEY_VARIABLE, ROOT

MODEL = "bench"
LOCAL_FAULTS = 0.1
"""Share of the local endpoint's answers with a fault, so that some requests are asked more than once."""


@dataclass(frozen=True)
class Work:
    requests: str  # a Parquet file of ChatRequests
    ledger: str
    base_url: str  # of the bench's server; empty: the project's local endpoint over `corpus`
    corpus: str = ""
    mode: str = "online"
    concurrency: int = 64
    max_retries: int = 3
    timeout_seconds: float = 60.0
    reasks: int = 2
    samples: str = ""  # where the samples are written; empty: not at all
    results: bool = True  # whether all answers are read and checked again after the run


def read_profile(work: Work) -> Profile:
    """Profile tiny with the settings of `work`."""
    yaml = YAML(typ="safe", pure=True)  # 1.2, as DVC writes it: there `no` is no boolean
    profile = Profile.model_validate(yaml.load((ROOT / "profiles/tiny.yaml").read_text(encoding="utf-8")))
    server = Server(base_url=work.base_url, api_key_env=KEY_VARIABLE)
    endpoint = OpenAIEndpoint(kind="openai", model=MODEL, servers=[server])
    changes = {name: getattr(work, name) for name in ("concurrency", "max_retries", "timeout_seconds")}
    llm = profile.llm.model_copy(update={"endpoint": endpoint, **changes})
    synthesis = profile.synthesis.model_copy(update={"mode": work.mode, "reasks": work.reasks})
    return profile.model_copy(update={"llm": llm, "synthesis": synthesis})


def run(work: Work) -> dict:
    """Seconds from the first look at the requests to the last commit, and what came of it."""
    profile = read_profile(work)
    runtime.pin(profile.runtime)
    jobs, error, account = SynthesisJobs(profile, work.requests), "", Account(None)
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(Path(work.ledger)))
        endpoint = stack.enter_context(_endpoint(work, profile))
        model = LanguageModel(endpoint, profile.llm, ledger, work.mode, account)
        _load()
        started = time.perf_counter()
        try:
            model.fill(jobs)
        except UserError as trouble:
            error = str(trouble)
            print(f"error: synthesis: {error}", file=sys.stderr)  # as the stage would end
        except KeyboardInterrupt:
            error = "stopped"
        seconds = time.perf_counter() - started
        said = {"seconds": seconds, "error": error, "account": account.report(), "answers": len(ledger)}
        return said | (_results(jobs, model, work.samples) if work.results else {})


def _endpoint(work: Work, profile: Profile) -> AbstractContextManager[Endpoint]:
    return serve(work.corpus, LOCAL_FAULTS) if work.corpus else open_endpoint(profile.llm.endpoint)


def _load() -> None:
    """What a process loads once; the peers have their packages before their clocks start, too."""
    import stages.llm.client  # noqa: F401

    foreign(["A sentence that is long enough for its language to be told at all."] * 6, "en")


def _results(jobs: SynthesisJobs, model: LanguageModel, path: str) -> dict:
    """How many samples and rejections by reason; the samples also as a file."""
    samples, rejected = 0, Counter()
    with ExitStack() as stack:
        writer = stack.enter_context(RecordWriter(path, Sample)) if path else None
        for _, result in jobs.results(model):
            if not isinstance(result, Sample):
                rejected[result.reason] += 1
                continue
            samples += 1
            if writer is not None:
                writer.write(result)
    return {"samples": samples, "rejected": dict(rejected)}


def command(work: Work) -> list[str]:
    """The command line that does `work`."""
    return [sys.executable, "-m", "stages.synthesis_bench.our_client", json.dumps(asdict(work))]


if __name__ == "__main__":
    print(json.dumps(run(Work(**json.loads(sys.argv[1])))), flush=True)
    sys.stdin.read()
