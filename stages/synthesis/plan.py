"""What synthesis would take, before it is paid for: requests, tokens and dollars, by task kind."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from stages.llm.account import MILLION
from stages.llm.answers import TASKS_PER_ANSWER
from stages.llm.model import LanguageModel, open_model
from stages.shared.records import KINDS
from stages.shared.settings import Price, Profile, Settings
from stages.synthesis.jobs import PROMPTS, SynthesisJobs

CHARACTERS_PER_TOKEN, TOKENS_PER_WORD = 4.5, 1.35
"""Of English prose in the tokenizers of today's models, roughly."""

JSON_TOKENS = 90
"""Keys, levels and punctuation of one answer."""

TEMPLATE_TOKENS = 420
"""A prompt without the text that it quotes."""

BRAINSTORM_TOKENS = 250
"""A brainstorming request, and its answer."""


@dataclass
class Expected:
    """Of one task kind; tokens of the requests that the ledger lacks."""

    requests: int = 0
    known: int = 0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0

    def dollars(self, price: Price, batch: bool) -> float:
        full = (self.prompt_tokens * price.prompt + self.completion_tokens * price.completion) / MILLION
        return full * (price.batch if batch else 1.0)


def print_plan(settings: Settings) -> None:
    """Print the plan. No request is sent and no key is needed."""
    profile = settings.profile
    if Path(PROMPTS).exists():
        with open_model(profile.llm, "replay") as model:
            print(table(profile, model.endpoint.model, estimate(profile, model)))
        return
    print(f"A guess from the profile: {PROMPTS} is not there yet (`dvc repro prompts`).")
    endpoint = profile.llm.endpoint
    print(table(profile, "local" if endpoint.kind == "local" else endpoint.model, guess(profile)))


def estimate(profile: Profile, model: LanguageModel) -> dict[str, Expected]:
    """From the prompts themselves and the ledger. First answers alone: re-asked ones come on top."""
    jobs, expected = SynthesisJobs(profile), {kind: Expected() for kind in KINDS}
    for prompt in tqdm(jobs.prompts(), total=len(jobs), desc="plan", unit=" requests", disable=None, leave=False):
        row = expected[prompt.kind]
        row.requests += 1
        if model.recall(jobs.request(prompt, 0)) is not None:
            row.known += 1
        else:
            row.prompt_tokens += len(prompt.prompt) / CHARACTERS_PER_TOKEN
            row.completion_tokens += completion_tokens(prompt.query_words, prompt.document_words)
    return {kind: row for kind, row in expected.items() if row.requests}


def completion_tokens(query_words: list[float], document_words: list[float]) -> float:
    """Of a query and five documents in the middle of the lengths that were asked for."""
    return (sum(query_words) / 2 + 5 * sum(document_words) / 2) * TOKENS_PER_WORD + JSON_TOKENS


def guess(profile: Profile) -> dict[str, Expected]:
    """From the profile alone, for the time before there are prompts."""
    prompts = profile.prompts
    shares = prompts.sources.model_dump()
    quoted = (profile.corpus.max_summary_characters + profile.corpus.max_body_characters) / 2 / CHARACTERS_PER_TOKEN
    quoting, retrieval = (shares["grounded"] + shares["retrieval"]), shares["retrieval"]
    total = sum(shares.values())
    words = {name: _middle(ranges) for name, ranges in (("short", prompts.short_words), ("long", prompts.long_words))}
    expected = {}
    for kind in KINDS:
        query, document = ("short", "short") if kind == "symmetric" else kind.split("_")
        share = (1 - retrieval / total) / len(KINDS) + (retrieval / total if kind == "short_long" else 0.0)
        requests = round(prompts.samples * share)
        each = completion_tokens([words[query]] * 2, [words[document]] * 2)
        asked = TEMPLATE_TOKENS + quoted * quoting / total
        expected[kind] = Expected(requests, 0, requests * asked, requests * each)
    return expected


def table(profile: Profile, model: str, expected: dict[str, Expected]) -> str:
    """The plan as text: a line for each kind, the sum, and what may come on top."""
    synthesis, price, batch = profile.synthesis, profile.llm.prices.get(model), profile.synthesis.mode == "batch"
    rows = expected | {"total": _sum(expected.values())}
    head = f"{'kind':12}{'requests':>10}{'in ledger':>11}{'to ask':>10}"
    lines = [f"{head}{'prompt tokens':>15}{'completion':>13}{'dollars':>12}"]
    for kind, row in rows.items():
        dollars = f"{row.dollars(price, batch):,.2f}" if price else "no price"
        tokens = f"{row.prompt_tokens:15,.0f}{row.completion_tokens:13,.0f}"
        lines.append(f"{kind:12}{row.requests:10,}{row.known:11,}{row.requests - row.known:10,}{tokens}{dollars:>12}")
    total = rows["total"]
    lines.append(f"Model {model}, synthesis.mode {synthesis.mode}; tokens by rules of thumb, right to a third or so.")
    lines.append(f"Rejected answers come on top: each is asked again, {synthesis.reasks} times at most.")
    brainstorm = len(KINDS) * -(-profile.brainstorm.tasks_per_kind // TASKS_PER_ANSWER)
    tokens = 2 * brainstorm * BRAINSTORM_TOKENS
    lines.append(
        f"Brainstorming before it: about {brainstorm:,} requests, {tokens:,} tokens (more where tasks repeat)."
    )
    if price and synthesis.max_cost is not None:
        enough = total.dollars(price, batch) <= synthesis.max_cost
        verdict = "is enough" if enough else "is not enough: the stage will stop there and keep what is done"
        lines.append(f"synthesis.max_cost, ${synthesis.max_cost:,.2f} with what the ledger has, {verdict}.")
    return "\n".join(lines)


def _sum(rows: Iterable[Expected]) -> Expected:
    rows = list(rows)
    return Expected(*(sum(getattr(row, name) for row in rows) for name in Expected.__dataclass_fields__))


def _middle(ranges: list[list[int]]) -> float:
    return sum(sum(words) / 2 for words in ranges) / len(ranges)
