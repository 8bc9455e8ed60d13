"""Which server a request goes to, when it may start, and how a server's limits are met."""

import asyncio

import pytest

from stages.llm.limits import CUT, RECOVERY, SICK, SICK_SECONDS, Limits, Pace, Queue


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def started(queue, count):
    """Indices of the servers that `count` requests are given at once; None for those that have to wait."""

    async def ask():
        tasks = [asyncio.create_task(queue.start(10.0)) for _ in range(count)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found = [task.result() if task.done() else None for task in tasks]
        for task in tasks:
            task.cancel()
        return found

    return asyncio.run(ask())


def test_no_more_start_than_the_limit_allows(clock):
    queue = Queue([Limits(3, None, None)], [1.0], 100, clock)
    assert started(queue, 5) == [0, 0, 0, None, None]


def test_no_more_start_at_all_servers_together_than_are_allowed(clock):
    queue = Queue([Limits(5, None, None), Limits(5, None, None)], [1.0, 1.0], 5, clock)
    assert started(queue, 8).count(None) == 3


def test_closed_queue_starts_nothing(clock):
    queue = Queue([Limits(5, None, None)], [1.0], 5, clock)
    queue.close()
    assert started(queue, 2) == [None, None]


def test_servers_get_work_by_weight(clock):
    queue = Queue([Limits(100, None, None), Limits(100, None, None)], [3.0, 1.0], 100, clock)
    found = started(queue, 40)
    assert (found.count(0), found.count(1)) == (30, 10)


def test_full_server_leaves_the_work_to_the_others(clock):
    queue = Queue([Limits(2, None, None), Limits(5, None, None)], [100.0, 1.0], 100, clock)
    found = started(queue, 8)
    assert (found.count(0), found.count(1), found.count(None)) == (2, 5, 1)


def test_pace_spaces_out_a_minute_and_is_corrected_by_what_things_cost():
    pace = Pace(600)  # ten a second
    pace.take(1, now=0.0)
    assert pace.wait(now=0.0) == pytest.approx(0.1)
    pace.take(20, now=0.1)
    assert pace.wait(now=0.1) == pytest.approx(2.0)
    pace.correct(-10)
    assert pace.wait(now=0.1) == pytest.approx(1.0)
    assert pace.wait(now=10.0) == 0.0
    assert Pace(None).wait(now=0.0) == 0.0


@pytest.mark.parametrize(("requests", "tokens"), [(60, None), (None, 600)])
def test_requests_and_tokens_per_minute_hold_back_the_next_request(clock, requests, tokens):
    limits = Limits(100, requests, tokens)
    limits.start(10.0, clock())
    assert limits.wait(clock()) == pytest.approx(1.0)
    clock.now += 1.0
    assert limits.wait(clock()) == 0.0


def test_refusal_cuts_the_limit_once_a_second_and_it_grows_back(clock):
    limits = Limits(100, None, None)
    limits.limit(clock())
    for _ in range(50):  # of requests that were under way together
        limits.slow_down(clock())
    assert limits.limit(clock()) == 100 * CUT
    clock.now += 1.0
    before = limits.limit(clock())
    limits.slow_down(clock())
    assert limits.limit(clock()) == int(before * CUT) or limits.limit(clock()) == pytest.approx(before * CUT, abs=1)
    clock.now += RECOVERY
    assert limits.limit(clock()) == 100


def test_limit_never_falls_below_one(clock):
    limits = Limits(1, None, None)
    for _ in range(20):
        limits.slow_down(clock())
        clock.now += 1.0
    assert limits.limit(clock()) == 1


def test_server_rests_as_long_as_it_asks(clock):
    queue = Queue([Limits(10, None, None)], [1.0], 100, clock)
    queue.failed(0, 5.0, limited=True)
    assert started(queue, 1) == [None]
    clock.now += 5.0
    assert started(queue, 1) == [0]


def test_one_of_several_servers_that_keeps_failing_rests_and_comes_back(clock):
    queue = Queue([Limits(100, None, None), Limits(100, None, None)], [1.0, 1.0], 100, clock)
    for _ in range(SICK):
        queue.failed(0, None, limited=False)
    assert started(queue, 4) == [1, 1, 1, 1]
    clock.now += SICK_SECONDS
    assert started(queue, 1) == [0]


def test_only_server_is_tried_again_at_once(clock):
    queue = Queue([Limits(100, None, None)], [1.0], 100, clock)
    for _ in range(10 * SICK):
        queue.failed(0, None, limited=False)
    assert started(queue, 1) == [0]


def test_those_who_wait_get_their_turn_in_order_when_others_end_and_when_a_pause_is_over():
    async def run():
        queue, order = Queue([Limits(1, 1200, None)], [1.0], 100), []  # one at a time, 50 ms apart

        async def work(number):
            index = await queue.start(0.0)
            order.append(number)
            await asyncio.sleep(0.001)
            queue.end(index)

        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.gather(*(work(number) for number in range(5)))
        return order, loop.time() - begun

    order, seconds = asyncio.run(run())
    assert order == [0, 1, 2, 3, 4]
    assert seconds >= 0.19
