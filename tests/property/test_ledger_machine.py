"""Whatever order runs, ends, grants and refunds come in: nobody overdraws, and the ledger adds up to the last credit.

A machine plays on a real runtime: its runs hold their price and stand still until the machine lets their steps
complete, fail, or cancels them; several are asked for at the same moment. A restart in between changes nothing.
"""

import asyncio
import contextlib
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import hypothesis.strategies as st
from engine_kit import registry_of, workflow_of
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.costs.book import sums
from builder_jupyter.costs.entry import EntryKind
from builder_jupyter.errors import BudgetExceeded, Conflict, InsufficientCredits, StepError
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.money import ZERO
from builder_jupyter.nodes.base import StepResult
from builder_jupyter.services.runtime import Runtime, Settings

ME = local_principal("alice")
PRICE = Decimal("2.5")
WORKSPACES = ("default", "other")
GRAPHS = ("start>a>end", "start>a>b>end start>c>end")
EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.gates = {}
        self.live = {}
        self.expected = dict.fromkeys(WORKSPACES, ZERO)
        self.entries = {}
        self.rt = None

    @initialize(grant=st.integers(0, 40))
    def open(self, grant):
        self.grant = grant
        self.expected["default"] = Decimal(grant)
        self.start()
        self.flows = {
            (workspace, text): self.do(self.rt.workflows.create(self.who(workspace), workflow_of(text), draft=True)).id
            for workspace in WORKSPACES
            for text in GRAPHS
        }

    def start(self):
        names = "abc"
        self.rt = Runtime(
            Settings(data_dir=self.place, credit_grant=self.grant, credit_prices={"do": PRICE}),
            models=ScriptedModels(ScriptedModel(lambda _request: "x")),
            registry=registry_of(dict.fromkeys(names, self.step)),
        )

    def do(self, work):
        return self.rt.portal.wait(work)

    def who(self, workspace):
        return replace(ME, workspace=workspace)

    async def step(self, context):
        gate = self.gates.setdefault(context.execution_id, asyncio.get_running_loop().create_future())
        if await asyncio.shield(gate) == "fail":
            raise StepError("as told", code="TOLD")
        return StepResult()

    # -- what happens --------------------------------------------------------------------------------------------

    @rule(workspace=st.sampled_from(WORKSPACES), text=st.sampled_from(GRAPHS), times=st.integers(1, 6))
    def admit(self, workspace, text, times):
        """Ask for several runs at the same moment."""

        async def all_at_once():
            starts = (
                self.rt.executions.start(self.who(workspace), self.flows[workspace, text], inputs={"message": "x"})
                for _ in range(times)
            )
            return await asyncio.gather(*starts, return_exceptions=True)

        cost = PRICE * (1 if text == GRAPHS[0] else 3)
        affordable = int(self.expected[workspace] // cost)
        answers = self.do(all_at_once())
        begun = [answer for answer in answers if not isinstance(answer, Exception)]
        assert all(isinstance(answer, InsufficientCredits) for answer in answers if isinstance(answer, Exception))
        assert len(begun) == min(times, affordable)
        self.expected[workspace] -= cost * len(begun)
        self.live |= {run.execution_id: workspace for run in begun}

    @precondition(lambda self: self.live)
    @rule(data=st.data(), how=st.sampled_from(["complete", "fail", "cancel"]))
    def end(self, data, how):
        execution = data.draw(st.sampled_from(sorted(self.live)))
        workspace = self.live.pop(execution)
        if how == "cancel":
            picture = self.do(self.rt.executions.cancel(self.who(workspace), execution))
        else:
            self.do(self.let(execution, how))
            picture = self.do(self.rt.executions.wait(self.who(workspace), execution, seconds=30))
        done = [step for step in picture["steps"] if step["nodeType"] == "do" and step["status"] == "completed"]
        told = picture["credits"]
        spent = PRICE * len(done)
        assert Decimal(str(told["charged"])) - Decimal(str(told["refunded"])) == spent
        held = PRICE * sum(step["nodeType"] == "do" for step in picture["steps"])
        self.expected[workspace] += held - spent

    async def let(self, execution, how):
        gate = self.gates.setdefault(execution, asyncio.get_running_loop().create_future())
        gate.set_result(how)

    @rule(workspace=st.sampled_from(WORKSPACES), amount=st.integers(1, 30), kind=st.sampled_from(["grant", "purchase"]))
    def add(self, workspace, amount, kind):
        paid = {"paid_usd": str(amount * Decimal("0.008"))} if kind == "purchase" else {}
        self.do(self.rt.postings.add(ME, amount, kind=kind, workspace=workspace, **paid))
        self.expected[workspace] += amount

    @rule(workspace=st.sampled_from(WORKSPACES), amount=st.integers(1, 30))
    def take(self, workspace, amount):
        with contextlib.suppress(InsufficientCredits):
            self.do(self.rt.postings.add(ME, -amount, kind="adjustment", workspace=workspace))
            self.expected[workspace] -= amount

    @rule(workspace=st.sampled_from(WORKSPACES), data=st.data())
    def refund(self, workspace, data):
        kinds = (EntryKind.USAGE, EntryKind.PURCHASE)
        ids = [entry.entry_id for entry in self.read(workspace) if entry.kind in kinds]
        if ids:
            with contextlib.suppress(Conflict):
                chosen = data.draw(st.sampled_from(ids))
                before = self.expected[workspace]
                done = self.do(self.rt.postings.refund(ME, chosen, workspace=workspace))
                entry = next(entry for entry in self.read(workspace) if entry.entry_id == chosen)
                sign = 1 if entry.kind is EntryKind.USAGE else -1
                self.expected[workspace] = before + sign * Decimal(str(done["refunded"]))

    @rule(workspace=st.sampled_from(WORKSPACES))
    def exhaust_a_budget(self, workspace):
        self.do(self.rt.credits.set_budget(self.who(workspace), 0))
        workflow = self.flows[workspace, GRAPHS[0]]
        with contextlib.suppress(BudgetExceeded):
            self.do(self.rt.executions.start(self.who(workspace), workflow, inputs={"message": "x"}))
            raise AssertionError("it was let in")
        self.do(self.rt.credits.set_budget(self.who(workspace), None))

    @rule()
    def restart(self):
        self.rt.stop()
        self.gates = {}
        self.start()

    # -- what is always so -----------------------------------------------------------------------------------------

    def read(self, workspace):
        return [e for page in self.rt.portal.iterate(self.rt.credits.ledger(self.who(workspace), *EVER)) for e in page]

    @invariant()
    def the_balance_is_what_it_must_be(self):
        if self.rt is None:
            return
        for workspace in WORKSPACES:
            balance = Decimal(str(self.do(self.rt.credits.balance(self.who(workspace)))["balance"]))
            assert balance == self.expected[workspace] >= 0

    @invariant()
    def the_ledger_adds_up(self):
        if self.rt is None:
            return
        for workspace in WORKSPACES:
            entries = self.read(workspace)
            assert len({entry.entry_id for entry in entries}) == len(entries)
            known = self.entries.get(workspace, [])
            assert entries[: len(known)] == known, "what was posted never changes"
            self.entries[workspace] = entries
            total = ZERO
            for entry in entries:
                total += entry.credits
                assert entry.balance_after == total >= 0
                assert entry.lot_id is not None, "every credit has a lot"
            lots = {}
            for entry in entries:
                lots[entry.lot_id] = lots.get(entry.lot_id, ZERO) + entry.credits
            assert all(left >= 0 for left in lots.values())
            purse = self.do(self.purse(workspace))
            assert total == purse.available + purse.held
            assert sum(change for _, change in sums(entries)) == 0
            listed = self.do(self.rt.credits.transactions(self.who(workspace), 200))
            assert sum(Decimal(str(one["amount"])) for one in listed) == purse.available
            assert len({one["id"] for one in listed}) == len(listed)

    async def purse(self, workspace):
        return self.rt.credits.purse(workspace)

    def teardown(self):
        if self.rt is not None:
            self.rt.stop()
        shutil.rmtree(self.place, ignore_errors=True)


LedgerMachine.TestCase.settings = settings(
    max_examples=8, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLedger = LedgerMachine.TestCase
