"""A loop in a thread, reached from code with a loop and from code without."""

import asyncio
import concurrent.futures
import threading

import pytest

from builder_jupyter.portal import Portal


@pytest.fixture
def portal():
    opened = Portal("test")
    yield opened
    opened.close()


async def numbers(count, closed=None):
    try:
        for number in range(count):
            await asyncio.sleep(0)
            yield number
    finally:
        if closed is not None:
            closed.set()


async def first_of(source):
    return await anext(source)


async def fail():
    raise KeyError("no")


def test_work_is_done_on_its_loop(portal):
    async def where():
        return threading.current_thread().name

    assert portal.wait(where()) == "test"
    assert asyncio.run(portal.ask(where())) == "test"


def test_errors_come_through(portal):
    with pytest.raises(KeyError):
        portal.wait(fail())
    with pytest.raises(KeyError):
        asyncio.run(portal.ask(fail()))


def test_streams_are_pulled_and_closed_with_their_reader(portal):
    assert list(portal.iterate(numbers(3))) == [0, 1, 2]

    async def read():
        return [number async for number in portal.stream(numbers(3))]

    assert asyncio.run(read()) == [0, 1, 2]
    closed = threading.Event()
    reader = portal.iterate(numbers(100, closed))
    assert next(reader) == 0
    reader.close()
    assert closed.is_set()


def test_who_gives_up_cancels_the_work(portal):
    begun, cancelled = threading.Event(), threading.Event()

    async def work():
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def give_up():
        asking = asyncio.ensure_future(portal.ask(work()))
        await asyncio.to_thread(begun.wait, 10)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    asyncio.run(give_up())
    assert cancelled.wait(10)


def test_closing_ends_what_is_waited_for_and_what_is_half_read():
    portal, begun, closed, ended = Portal("test"), threading.Event(), threading.Event(), []

    async def work():
        begun.set()
        await asyncio.Event().wait()

    def caller():
        try:
            portal.wait(work())
        except concurrent.futures.CancelledError as error:
            ended.append(error)

    thread = threading.Thread(target=caller, daemon=True)
    thread.start()
    assert begun.wait(10)
    half_read = numbers(100, closed)
    portal.wait(first_of(half_read))
    portal.close()
    thread.join(10)
    assert len(ended) == 1
    assert closed.is_set()
    assert not portal.is_open
    portal.close()


def test_closing_ends_what_the_ending_begins() -> None:
    begun: list[asyncio.Task[None]] = []

    async def forever(*, last: bool) -> None:
        try:
            await asyncio.sleep(600)
        finally:
            if not last:
                begun.append(asyncio.create_task(forever(last=True)))

    async def begin() -> None:
        begun.append(asyncio.create_task(forever(last=False)))
        await asyncio.sleep(0)

    portal = Portal("ends")
    portal.wait(begin())
    portal.close()
    assert [task.cancelled() for task in begun] == [True, True]
