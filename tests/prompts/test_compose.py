from collections import Counter

import pytest

from stages.prompts.compose import TEMPLATES, compose
from stages.shared.errors import UserError
from stages.shared.records import KINDS, LEVELS, Task
from stages.shared.text import seed_text


@pytest.fixture
def tasks():
    return [Task(f"{kind}{number}", kind, f"Task {number} of {kind}.") for kind in KINDS for number in range(3)]


def test_there_is_a_template_for_each_kind_and_no_other():
    assert {path.stem for path in TEMPLATES.iterdir()} == set(KINDS)


def test_a_prompt_holds_task_seed_text_levels_in_order_and_every_field(tasks, documents):
    by_id = {document.id: document for document in documents}
    for request in compose(tasks, documents, 5, 0):
        assert request.instruction in request.prompt
        assert f"<<<\n{seed_text(by_id[request.seed_id])}\n>>>" in request.prompt
        places = [request.prompt.index(f'{number}. "{level}"') for number, level in enumerate(LEVELS, 1)]
        assert places == sorted(places)
        for field in ("query", "positive_example", "hard_negative_examples", "similarity_level"):
            assert f'"{field}"' in request.prompt
        assert "$" not in request.prompt


def test_kinds_and_tasks_are_used_evenly_and_a_text_once_before_any_comes_again(tasks, documents):
    requests = compose(tasks, documents, 20, 0)
    assert Counter(request.kind for request in requests) == dict.fromkeys(KINDS, 4)
    assert max(Counter(request.task_id for request in requests).values()) == 2
    assert len({request.seed_id for request in requests}) == 20


@pytest.mark.parametrize("used", [20, 24])
def test_a_text_that_comes_again_comes_with_another_kind(tasks, documents, used):
    requests = compose(tasks, documents[:used], 3 * used, 0)
    pairs = Counter((request.seed_id, request.kind) for request in requests)
    assert len(requests) == 3 * used
    assert max(pairs.values()) == 1


def test_request_ids_differ_and_depend_on_content_alone(tasks, documents):
    first, second = compose(tasks, documents, 24, 0), compose(tasks, documents, 24, 0)
    assert first == second
    assert len({request.id for request in first}) == 24


def test_another_seed_pairs_texts_otherwise(tasks, documents):
    first, second = compose(tasks, documents, 20, 0), compose(tasks, documents, 20, 1)
    assert [request.seed_id for request in first] != [request.seed_id for request in second]


def test_a_dollar_sign_or_brace_in_a_text_stays_as_it_is(tasks, documents):
    from dataclasses import replace

    odd = replace(documents[0], body="Costs $task or {seed}, 100%.")
    assert "Costs $task or {seed}, 100%." in compose(tasks, [odd], 1, 0)[0].prompt


def test_a_kind_without_a_task_is_named(tasks, documents):
    with pytest.raises(UserError, match="no task of kind short_short"):
        compose([task for task in tasks if task.kind != "short_short"], documents, 5, 0)
