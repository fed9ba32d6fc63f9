"""The suite that any `execution.ports.Journal` must pass. Shipped, so that a journal of one's own can be held to it.

Each check is a coroutine that takes an empty, open journal and raises `AssertionError` when it is not kept::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_journal(check):
        asyncio.run(check(MyJournal()))

It asks for behaviour within one process. That entries outlive a crash is for tests of the store itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from builder_jupyter.execution.ports import Entry, Journal

Check = Callable[[Journal], Awaitable[None]]

# Text that stores have been known to cut, fold or refuse: NUL, quotes, other planes, JSON escapes, white space.
AWKWARD = ["", "\x00", 'a\x00b"c', "'; --", "\\u0000", "ünïcödé 漢字 🜁", " \t\r\n ", "x" * 1_000_000]


def entry(subject: str, seq: int, kind: str = "step_started", body: str = "{}", at: int = 1_700_000_000_000) -> Entry:
    """Return an entry with little to say."""
    return Entry(subject, seq, at, kind, body)


def status(subject: str, seq: int, word: str) -> Entry:
    """Return the entry of a change of status."""
    return entry(subject, seq, "status", f'{{"status":"{word}"}}')


def admitted(subject: str) -> Entry:
    """Return the entry that begins an execution."""
    return entry(subject, 1, "admitted", '{"plan_id":"pl_1"}')


async def reads_back_what_was_appended(journal: Journal) -> None:
    """Entries come back equal, in order of ``seq``, and only those of the subject."""
    written = [entry("exec_a", seq, body=f'{{"n":{seq}}}', at=2**41 + seq) for seq in range(1, 6)]
    await journal.append(written[:2])
    await journal.append([entry("exec_b", 1)])
    await journal.append(written[2:])
    found = await journal.read("exec_a")
    assert found == written, found
    assert [e.subject for e in await journal.read("exec_b")] == ["exec_b"]


async def reads_after_a_seq(journal: Journal) -> None:
    """``after`` leaves out what the reader has; gaps in ``seq`` are fine, large numbers too."""
    seqs = [1, 2, 5, 1 << 20, (1 << 40) + 1]
    await journal.append([entry("exec_a", seq) for seq in seqs])
    for after in [0, 1, 2, 3, 5, 1 << 20, 1 << 41]:
        found = [e.seq for e in await journal.read("exec_a", after=after)]
        assert found == [seq for seq in seqs if seq > after], (after, found)


async def knows_nothing_of_unknown_subjects(journal: Journal) -> None:
    """Reading what was never written gives an empty list; an empty journal has nothing unfinished."""
    assert await journal.read("exec_nobody") == []
    assert await journal.unfinished() == []


async def keeps_awkward_text(journal: Journal) -> None:
    """Bodies come back as they were, character by character."""
    await journal.append([entry("exec_a", seq, body=text) for seq, text in enumerate(AWKWARD, 1)])
    found = [e.body for e in await journal.read("exec_a")]
    assert found == AWKWARD, [text[:20] for text in found]


async def completes_appends_in_order(journal: Journal) -> None:
    """Futures are done in the order of the calls, and what a done future stands for can be read."""
    order: list[int] = []
    futures = []
    for number in range(50):
        future = journal.append([entry("exec_a", 2 * number + 1), entry("exec_a", 2 * number + 2)])
        future.add_done_callback(lambda _future, number=number: order.append(number))  # type: ignore[misc]
        futures.append(future)
    await futures[0]
    assert {1, 2} <= {e.seq for e in await journal.read("exec_a")}
    await asyncio.gather(*futures)
    await asyncio.sleep(0)
    assert order == list(range(50)), order
    assert [e.seq for e in await journal.read("exec_a")] == list(range(1, 101))


async def takes_appends_of_nothing(journal: Journal) -> None:
    """An append without entries is done when all before it is."""
    before = journal.append([entry("exec_a", 1)])
    await journal.append([])
    assert before.done()
    await journal.room()


async def keeps_concurrent_writers_apart(journal: Journal) -> None:
    """Many executions write at once; each reads its own, whole and in order."""

    async def write(subject: str) -> None:
        for seq in range(1, 21):
            await journal.append([entry(subject, seq, body=f'"{subject}"')])
            await journal.room()

    subjects = [f"exec_{i}" for i in range(20)]
    await asyncio.gather(*map(write, subjects))
    for subject in subjects:
        found = await journal.read(subject)
        assert [e.seq for e in found] == list(range(1, 21)), subject
        assert {e.body for e in found} == {f'"{subject}"'}


async def lists_what_is_unfinished(journal: Journal) -> None:
    """Admitted without a terminal status, oldest admission first; plans and finished executions are not listed."""
    await journal.append([entry("pl_1", 1, "plan"), admitted("exec_c"), admitted("exec_a"), admitted("exec_b")])
    assert await journal.unfinished() == ["exec_c", "exec_a", "exec_b"]
    await journal.append([status("exec_a", 2, "running"), status("exec_b", 2, "waiting"), entry("exec_c", 2)])
    assert await journal.unfinished() == ["exec_c", "exec_a", "exec_b"]
    for number, word in enumerate(("completed", "error", "cancelled")):
        subject = f"exec_{'cab'[number]}"
        await journal.append([status(subject, 3, word)])
        assert subject not in await journal.unfinished()
    assert await journal.unfinished() == []


CHECKS: tuple[Check, ...] = (
    reads_back_what_was_appended,
    reads_after_a_seq,
    knows_nothing_of_unknown_subjects,
    keeps_awkward_text,
    completes_appends_in_order,
    takes_appends_of_nothing,
    keeps_concurrent_writers_apart,
    lists_what_is_unfinished,
)
"""Every check of the suite."""
