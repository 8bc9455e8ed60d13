"""Answers that arrive together share a commit, and a commit that fails is told to all who wait for it."""

import asyncio

import pytest

from stages.llm.group_commit import GroupCommit
from stages.shared.errors import UserError
from tests.llm.test_ledger import row


def put_all(ledger, count):
    """What `put` of rows 0 to count - 1, all at once, gives: None or an exception each."""

    async def run():
        commit = GroupCommit(ledger)
        found = await asyncio.gather(*(commit.put(row(index)) for index in range(count)), return_exceptions=True)
        await commit.close()
        return found

    return asyncio.run(asyncio.wait_for(run(), timeout=20))


def test_rows_that_arrive_together_share_commits_and_are_all_there(ledger, monkeypatch):
    commits = []
    commit = ledger.commit
    monkeypatch.setattr(ledger, "commit", lambda: (commits.append(1), commit()))
    assert put_all(ledger, 500) == [None] * 500
    assert len(ledger) == 500
    assert len(commits) < 10


@pytest.mark.parametrize("step", ["begin", "insert", "commit"])
def test_failure_is_told_to_every_one_who_waits(ledger, monkeypatch, step):
    def fail(*_):
        raise UserError("the disk is full")

    monkeypatch.setattr(ledger, step, fail)
    found = put_all(ledger, 50)
    assert [str(error) for error in found] == ["the disk is full"] * 50
