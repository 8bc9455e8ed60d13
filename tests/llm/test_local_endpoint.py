"""The local endpoint over real HTTP: the same request gets the same answer, faults come as asked."""

import json
import shutil
import urllib.error
import urllib.request

import pytest
from pydantic import ValidationError

from stages.llm.account import Account
from stages.llm.answers import BRAINSTORM, MGH, Brainstormed, MghSample, response_format
from stages.llm.endpoint import open_endpoint
from stages.llm.ledger import Ledger
from stages.llm.local.server import serve
from stages.llm.model import LanguageModel
from stages.llm.requests import LlmRequest
from stages.shared.errors import UserError
from stages.shared.records import KINDS, LEVELS, Document, write_records
from stages.shared.settings import OpenAIEndpoint
from stages.shared.text import seed_text


@pytest.fixture(scope="module")
def requests(documents):
    """One sample request for each kind and document, and two brainstorming requests for each kind."""
    prompts = [(kind, f"<<<\n{seed_text(document)}\n>>>") for kind in KINDS for document in documents]
    samples = [LlmRequest(prompt, response_format(MghSample, MGH, kind), 0) for kind, prompt in prompts]
    tasks = [
        LlmRequest("List tasks.", response_format(Brainstormed, BRAINSTORM, kind), seed)
        for kind in KINDS
        for seed in range(2)
    ]
    return samples + tasks


@pytest.fixture
def answers(corpus, llm, tmp_path):
    """Texts of a server's answers, asked anew: `answers(requests, fault_share)`."""
    ledgers = iter(range(100))

    def ask(requests, fault_share, **change):
        with Ledger(tmp_path / f"{next(ledgers)}.sqlite") as ledger, serve(corpus, fault_share) as endpoint:
            model = LanguageModel(endpoint, llm.model_copy(update=change), ledger, "online", Account(None))
            return [answer.text for answer in model.ask_all(requests, "short_long")]

    return ask


def base_url(endpoint):
    return endpoint.servers[0].server.base_url


def flaw(text):
    """The fault of a sample answer, None for one without."""
    try:
        sample = MghSample.model_validate_json(text)
    except ValidationError:
        return "not valid"
    levels = tuple(row.similarity_level for row in sample.hard_negative_examples)
    if levels != LEVELS:
        return f"{len(levels)} levels"
    if not sample.query.strip():
        return "empty"
    return "repeated" if sample.query == sample.positive_example else None


def test_answer_depends_on_the_request_alone(answers, requests):
    one = answers(requests, 0.3, concurrency=1)
    backwards = answers(requests[::-1], 0.3, concurrency=8)
    assert one == backwards[::-1]


def test_another_seed_gives_another_answer(answers, requests):
    first, second = answers(requests[-2:], 0.0)
    assert first != second


def test_without_faults_every_answer_is_a_sample_or_tasks(answers, requests):
    texts = answers(requests, 0.0)
    assert {flaw(text) for text in texts[:-10]} == {None}
    for text in texts[-10:]:
        tasks = Brainstormed.model_validate_json(text).tasks
        assert len(set(tasks)) == len(tasks) > 1


def test_with_fault_share_one_every_sample_is_faulty_in_each_of_the_known_ways(answers, requests):
    flaws = [flaw(text) for text in answers(requests, 1.0)[:-10]]
    assert set(flaws) == {"not valid", "3 levels", "4 levels", "empty", "repeated"}


def test_fault_share_is_the_share_of_faulty_samples(answers, requests):
    flaws = [flaw(text) for text in answers(requests, 0.25)[:-10]]
    share = sum(item is not None for item in flaws) / len(flaws)
    assert share == pytest.approx(0.25, abs=0.12)  # three standard errors of 120 draws


def test_model_name_tells_corpora_and_fault_shares_apart(corpus, documents, tmp_path):
    shorter = tmp_path / "shorter.parquet"
    write_records(shorter, Document, documents[:-1])
    names = []
    for path, share in [(corpus, 0.0), (corpus, 0.0), (corpus, 0.1), (shorter, 0.0)]:
        with serve(path, share) as endpoint:
            names.append(endpoint.model)
    assert names[0] == names[1]
    assert len(set(names)) == 3


def post(url, data):
    """Status and error message of a plain POST."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(request, timeout=20)
    with caught.value as response:
        return response.code, json.load(response)["error"]["message"]


def _body(model, **change):
    name = {"json_schema": {"name": "mgh_short_long"}}
    return {"model": model, "messages": [{"role": "user", "content": "x"}], "response_format": name, **change}


def test_unknown_model_is_answered_404_with_the_one_served(corpus):
    with serve(corpus, 0.0) as endpoint:
        status, text = post(f"{base_url(endpoint)}/chat/completions", json.dumps(_body("gpt-4o")).encode())
    assert status == 404
    assert "gpt-4o" in text
    assert endpoint.model in text


@pytest.mark.parametrize(
    "change",
    [
        {"messages": []},
        {"messages": "x"},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": "<<<\nno text of the corpus\n>>>"}]},
        {"response_format": None},
        {"response_format": {"json_schema": {"name": 5}}},
        {"response_format": {"json_schema": {"name": "mgh_no_such_kind"}}},
        {"response_format": {"json_schema": {"name": "brainstorm_no_such_kind"}}},
        {"response_format": {"json_schema": {"name": "poem_short_long"}}},
    ],
)
def test_request_that_it_cannot_answer_is_answered_400(corpus, documents, change):
    content = f"<<<\n{seed_text(documents[0])}\n>>>"
    with serve(corpus, 0.0) as endpoint:
        good = _body(endpoint.model, messages=[{"role": "user", "content": content}])
        status, text = post(f"{base_url(endpoint)}/chat/completions", json.dumps({**good, **change}).encode())
    assert status == 400
    assert "not a request that this endpoint can answer" in text


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b"\xff", b"{}"])
def test_body_that_is_no_request_is_answered_400(corpus, data):
    with serve(corpus, 0.0) as endpoint:
        assert post(f"{base_url(endpoint)}/chat/completions", data)[0] == 400


def test_models_are_listed(corpus):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with serve(corpus, 0.0) as endpoint, opener.open(f"{base_url(endpoint)}/models", timeout=20) as response:
        assert [row["id"] for row in json.load(response)["data"]] == [endpoint.model]


def test_endpoint_stops_listening_when_the_block_ends(corpus, ask_all, ask):
    with serve(corpus, 0.0) as endpoint:
        pass
    with pytest.raises(UserError, match="cannot reach"):
        ask_all(ask(3), endpoint)


def test_profile_with_a_local_endpoint_serves_the_training_corpus_and_a_replay_knows_its_name(corpus, llm, repository):
    (repository / "data/corpus").mkdir(parents=True)
    shutil.copy(corpus, repository / "data/corpus/train.parquet")
    with serve(corpus, llm.endpoint.fault_share) as expected, open_endpoint(llm.endpoint) as endpoint:
        assert endpoint.model == expected.model
    with open_endpoint(llm.endpoint, replay=True) as endpoint:
        assert endpoint.model == expected.model


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("replay", [False, True])
def test_local_endpoint_without_a_corpus_is_told(llm, replay):
    with (
        pytest.raises(UserError, match=r"data/corpus/train\.parquet does not exist"),
        open_endpoint(llm.endpoint, replay=replay),
    ):
        pass


@pytest.fixture
def hosted():
    """Settings of an endpoint with two servers, each with a key of its own."""
    servers = [
        {"base_url": "http://host/v1", "api_key_env": "SOME_KEY"},
        {"base_url": "http://other/v1", "api_key_env": "OTHER_KEY", "weight": 2.0, "requests_per_minute": 60},
    ]
    return OpenAIEndpoint.model_validate({"kind": "openai", "model": "a-model", "servers": servers})


def test_keys_and_limits_of_hosted_servers_come_from_the_variables_and_the_profile(hosted, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "secret")
    monkeypatch.setenv("OTHER_KEY", "another")
    with open_endpoint(hosted) as endpoint:
        first, second = endpoint.servers
    assert endpoint.has_keys
    assert (first.server.base_url, first.server.model, first.server.api_key) == ("http://host/v1", "a-model", "secret")
    assert (second.server.api_key, second.weight, second.requests_per_minute) == ("another", 2.0, 60)


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_key_the_ledger_answers_and_what_it_lacks_is_told_with_the_variable(
    hosted, monkeypatch, start, ask_all, ask, value
):
    monkeypatch.setenv("SOME_KEY", "") if value == "" else monkeypatch.delenv("SOME_KEY", raising=False)
    monkeypatch.setenv("OTHER_KEY", "another")
    paid = ask_all(ask(2), start().endpoint)
    with open_endpoint(hosted) as keyless:
        assert ask_all(ask(2), keyless) == paid
        with pytest.raises(UserError, match=r"1 of 3 requests have no answer in the ledger.* SOME_KEY, which holds"):
            ask_all(ask(3), keyless)
