"""Names under evaluation.tasks."""

import mteb
import pytest

from stages.evaluation.registry import BENCHMARK, check_names
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError


def test_our_names_and_all_of_the_papers_benchmark_stand_side_by_side():
    paper = [task.metadata.name for task in mteb.get_benchmark(BENCHMARK).tasks]
    assert len(paper) == 56
    check_names([*OWN_TASKS, *paper])


@pytest.mark.parametrize(("given", "close"), [("DocsRetreival", "DocsRetrieval"), ("SciFacts", "SciFact")])
def test_unknown_name_gets_close_matches_and_our_names(given, close):
    with pytest.raises(UserError, match=r"evaluation\.tasks") as caught:
        check_names(["DocsSTS", given])
    message = str(caught.value)
    assert repr(given) in message
    assert f"did you mean {close}" in message
    assert all(name in message for name in OWN_TASKS)


def test_name_given_twice_is_refused():
    with pytest.raises(UserError, match="DocsSTS more than once"):
        check_names(["DocsSTS", "DocsRetrieval", "DocsSTS"])
