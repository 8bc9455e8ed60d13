from stages.prompts.compose import compose
from stages.prompts.tally import Tally


def test_requests_pass_unchanged_and_are_counted(tasks, documents, prompts):
    settings = prompts(40, task=0.5, grounded=0.25, retrieval=0.25, languages={"en": 0.5, "de": 0.5})
    requests = list(compose(tasks, documents[:8], settings, 0))
    tally = Tally()
    assert list(tally.count(iter(requests))) == requests
    metrics = tally.metrics()
    assert metrics["requests"] == 40
    assert metrics["seed_texts"] == 8
    assert metrics["mean_words"] == sum(len(request.prompt.split()) for request in requests) / 40
    assert sum(metrics["per_kind"].values()) == 40
    assert metrics["per_source"] == {"grounded": 10, "retrieval": 10, "task": 20}
    assert metrics["per_language"] == {"de": 20, "en": 20}


def test_a_request_is_counted_when_it_passes_and_not_before(tasks, documents, prompts):
    tally = Tally()
    passing = tally.count(compose(tasks, documents, prompts(10**12, task=1.0), 0))
    next(passing)
    next(passing)
    assert tally.metrics()["requests"] == 2
