"""A ledger with every kind of entry, made by a real runtime in two months."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.graph.model import Edge, Node, Workflow
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.services.runtime import Runtime, Settings

ME = local_principal("alice")
BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
WINDOW = ("2026-01-01", "2026-03-01")
ASKING = Workflow(
    'Support "now", please',
    (Node("start", "start"), Node("first", "agent", {"prompt": "Help."}), Node("second", "agent", {"prompt": "Check."}),
     Node("end", "end")),
    (Edge("start", "first"), Edge("first", "second"), Edge("second", "end")),
)  # fmt: skip


class Bookkeeping:
    """A runtime at another time, and what can be done with its credits."""

    def __init__(self, data_dir: Path | None = None, **settings: Any) -> None:
        self.clock = ManualClock(BEGIN)
        models = ScriptedModels(ScriptedModel(lambda request: f"about {request.messages[-1].content}"))
        settings = {"credit_grant": 30, "unlimited_credits": False, **settings}
        self.runtime = Runtime(Settings(data_dir, **settings), clock=self.clock, models=models)
        self.workflow_id = self.ask(self.runtime.workflows.create(ME, ASKING, draft=True)).id

    def ask(self, work: Any) -> Any:
        return self.runtime.portal.wait(work)

    def pass_time(self, seconds: float) -> None:
        async def move() -> None:
            self.clock.advance(seconds)

        self.ask(move())

    def run(self, message: str = "hi") -> str:
        executions = self.runtime.executions
        execution_id = self.ask(executions.start(ME, self.workflow_id, inputs={"message": message})).execution_id
        assert self.ask(executions.wait(ME, execution_id, seconds=30))["status"] == "completed"
        return str(execution_id)

    def export(self, start: str = WINDOW[0], end: str = WINDOW[1], fmt: str = "csv", **options: Any) -> bytes:
        async def collect() -> bytes:
            export = await self.runtime.billing.export(ME, start, end, fmt=fmt, **options)
            return b"".join([piece async for piece in export.content])

        return bytes(self.ask(collect()))

    def stop(self) -> None:
        self.runtime.stop()


def every_kind(book: Bookkeeping) -> None:
    """Post what there is: a grant, purchases, usage across lots, refunds in the month and after it, adjustments."""
    add, refund = book.runtime.postings.add, book.runtime.postings.refund
    first = book.run("first of all")
    book.ask(add(ME, 100, paid_usd="0.80", pack="pack-100", receipt="r-1"))
    for number in range(16):  # the 30 granted credits end in the middle of it
        book.pass_time(1800)
        book.run(f"question {number}")
    book.ask(refund(ME, first, note="in its month"))
    late = book.run("late")
    book.pass_time(30 * 86_400)
    book.ask(refund(ME, late, note="after its month"))
    spare = book.ask(add(ME, 500, paid_usd="5", pack="pack-500", receipt="r-2"))
    assert spare["balance"] > 500
    bought = [one for one in book.ask(book.runtime.credits.transactions(ME, 200)) if one["kind"] == "purchase"]
    book.ask(refund(ME, bought[0]["id"], note="did not need it"))
    book.ask(add(ME, 7, kind="adjustment", note="goodwill"))
    book.ask(add(ME, -3, kind="adjustment", note="counted twice"))
    book.run("in February")
