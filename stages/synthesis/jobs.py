"""The requests of the prompts stage as jobs: each is asked, with another seed where an answer fails."""

from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from stages.llm.answers import MGH, MghSample, response_format
from stages.llm.model import LanguageModel
from stages.llm.requests import Answer, Job, LlmRequest
from stages.shared.records import ChatRequest, Rejection, Sample, count_records, iter_records
from stages.shared.seeds import derive_seed
from stages.shared.settings import Profile
from stages.synthesis.checks import check

PROMPTS = "data/prompts/requests.parquet"


class SynthesisJobs:
    """Jobs over a file of ChatRequests, read anew each time, so that any number fits in memory."""

    def __init__(self, profile: Profile, path: str | Path = PROMPTS):
        self._path, self._seed = path, profile.llm.seed
        self._tries, self._tolerance = profile.synthesis.reasks + 1, profile.synthesis.length_tolerance
        self._count = count_records(path, ChatRequest)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Job]:
        return map(self._job, self.prompts())

    def prompts(self) -> Iterator[ChatRequest]:
        return iter_records(self._path, ChatRequest)

    def request(self, prompt: ChatRequest, attempt: int) -> LlmRequest:
        names = ("synthesis", prompt.id, *([attempt] if attempt else []))
        return LlmRequest(prompt.prompt, response_format(MghSample, MGH, prompt.kind), derive_seed(self._seed, *names))

    def results(self, model: LanguageModel) -> Iterator[tuple[Answer, Sample | Rejection]]:
        """Each answer that was needed and what the checks say of it, in the order of the requests."""
        prompts = tqdm(self.prompts(), total=len(self), desc="checks", unit=" requests", disable=None, leave=False)
        for prompt in prompts:
            for attempt in range(self._tries):
                answer = model.recall(self.request(prompt, attempt))
                if answer is None:  # the server failed at this one as often as it was asked
                    continue
                result = check(prompt, answer, attempt, self._tolerance)
                yield answer, result
                if isinstance(result, Sample):
                    break

    def _job(self, prompt: ChatRequest) -> Job:
        return Job(
            prompt.kind,
            lambda attempt: self.request(prompt, attempt),
            lambda answer, attempt: isinstance(check(prompt, answer, attempt, self._tolerance), Sample),
            self._tries,
        )
