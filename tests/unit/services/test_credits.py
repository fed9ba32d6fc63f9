"""Balances on a real runtime: who is let in, what is deducted and given back, what a restart and a kill leave."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from engine_kit import registry_of, workflow_of

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.costs.entry import EntryKind
from builder_jupyter.errors import (
    BudgetExceeded,
    Conflict,
    InsufficientCredits,
    InvalidInput,
    NotConfigured,
    NotFound,
    StepError,
)
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.nodes.base import StepResult
from builder_jupyter.nodes.chat import Message
from builder_jupyter.services.runtime import Runtime, Settings

ME = local_principal("alice")
ELSEWHERE = replace(ME, workspace="elsewhere")
EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


async def fail(_context):
    raise StepError("it broke", code="BROKE")


async def hang(_context):
    await asyncio.Event().wait()


LOOP = "start>work>router>work router>d>end"
WAYS = {"conditions": [{"label": way, "pattern": way} for way in ("again", "done")]}


async def work(context):
    """Ask for another round twice, then for the way out."""
    before = sum(message.name == context.node.id for message in context.state.messages)
    return StepResult(messages=(Message("assistant", "again" if before < 2 else "done", name=context.node.id),))


@pytest.fixture
def start_runtime():
    """A runtime in which `do` costs 21 credits and an agent 1, limited unless said otherwise."""
    opened = []

    def start(behaviours=None, *, clock=None, **settings):
        settings = {"unlimited_credits": False, "credit_prices": {"do": 21}, **settings}
        models = ScriptedModels(ScriptedModel(lambda request: f"about {request.messages[-1].content}"))
        opened.append(Runtime(Settings(**settings), models=models, registry=registry_of(behaviours), clock=clock))
        return opened[-1]

    yield start
    for rt in opened:
        rt.stop()


def save(rt, text, principal=ME, **data):
    return rt.portal.wait(rt.workflows.create(principal, workflow_of(text, **data), draft=True)).id


def begin(rt, workflow_id, principal=ME):
    return rt.portal.wait(rt.executions.start(principal, workflow_id, inputs={"message": "hi"})).execution_id


def finish(rt, execution_id, principal=ME):
    return rt.portal.wait(rt.executions.wait(principal, execution_id, seconds=30))


def run(rt, text, **data):
    return finish(rt, begin(rt, save(rt, text, **data)))


def balance(rt, principal=ME):
    return rt.portal.wait(rt.credits.balance(principal))["balance"]


def transactions(rt, principal=ME, limit=50):
    return rt.portal.wait(rt.credits.transactions(principal, limit))


def told(rt):
    return [(one["kind"], one["amount"], one["balanceAfter"]) for one in transactions(rt)]


def entries(rt, principal=ME, window=EVER):
    return [entry for page in rt.portal.iterate(rt.credits.ledger(principal, *window)) for entry in page]


# -- what a run costs -------------------------------------------------------------------------------------------------


def test_a_run_of_22_credits(start_runtime):
    rt = start_runtime()
    assert balance(rt) == 2000
    picture = run(rt, "start>agent>do>end")
    assert picture["credits"] == {"charged": 22, "refunded": 0}
    assert balance(rt) == 1978
    newest, grant = transactions(rt)
    assert (newest["kind"], newest["amount"], newest["balanceAfter"]) == ("deduction", -22, 1978)
    assert newest["executionId"] == picture["executionId"]
    assert (newest["canvasId"], newest["triggerType"]) == (picture["canvasId"], "api")
    assert newest["breakdown"] == {"agent": {"count": 1, "credits": 1}, "do": {"count": 1, "credits": 21}}
    assert (grant["kind"], grant["amount"], grant["balanceAfter"]) == ("grant", 2000, 2000)
    usage = {entry.node_type: entry for entry in entries(rt) if entry.kind is EntryKind.USAGE}
    assert (usage["agent"].credits, usage["agent"].model, usage["agent"].unit) == (-1, "scripted", "Tokens")
    assert usage["agent"].quantity == usage["agent"].input_tokens + usage["agent"].output_tokens > 0
    assert (usage["do"].credits, usage["do"].model, usage["do"].unit, usage["do"].quantity) == (-21, None, "Actions", 1)
    assert usage["do"].price_version.startswith("v1-"), "the price was changed"


def test_the_balance_is_reduced_while_a_run_goes_on_and_a_cancelled_one_gets_the_rest_back(start_runtime):
    rt = start_runtime({"do": hang})
    execution = begin(rt, save(rt, "start>agent>do>end"))
    assert balance(rt) == 1978
    assert told(rt)[0] == ("deduction", -22, 1978)
    for batch in rt.portal.iterate(rt.executions.events(ME, execution)):
        if any(event.get("stepId") == "agent" and event["status"] == "completed" for event in batch):
            break
    picture = rt.portal.wait(rt.executions.cancel(ME, execution))
    assert picture["credits"] == {"charged": 22, "refunded": 21}
    assert balance(rt) == 1999
    assert told(rt) == [("refund", 21, 1999), ("deduction", -22, 1978), ("grant", 2000, 2000)]


def test_a_failed_run_gets_back_what_its_steps_did_not_complete(start_runtime):
    rt = start_runtime({"do": fail})
    assert run(rt, "start>agent>do>end")["credits"] == {"charged": 22, "refunded": 21}
    assert told(rt)[:2] == [("refund", 21, 1999), ("deduction", -22, 1978)]
    assert [(entry.kind, int(entry.credits)) for entry in entries(rt)] == [("grant", 2000), ("usage", -1)]


def test_a_completed_run_is_never_refunded_and_pays_for_what_ran(start_runtime):
    async def to_a(_context):
        return StepResult(taken=(0,))

    rt = start_runtime({"choose": to_a})
    assert run(rt, "start>choose>a>end choose>b>end")["credits"] == {"charged": 42, "refunded": 0}
    assert told(rt)[0] == ("deduction", -42, 1958)
    assert balance(rt) == 1958


def test_a_free_run_writes_nothing(start_runtime):
    rt = start_runtime(credit_grant=0)
    assert run(rt, "start>end")["status"] == "completed"
    assert transactions(rt) == entries(rt) == []


def test_a_replay_from_a_step_is_charged_for_what_it_runs(start_runtime):
    rt = start_runtime()
    first = run(rt, "start>agent>do>end")["executionId"]
    again, saved = rt.portal.wait(rt.executions.replay(ME, first, from_step="do"))
    assert saved == 1
    assert finish(rt, again.execution_id)["credits"] == {"charged": 21, "refunded": 0, "saved": 1}
    assert told(rt)[0] == ("deduction", -21, 1957)
    assert transactions(rt)[0]["triggerType"] == "replay"


def test_a_replay_pays_for_a_step_behind_a_loop_that_it_takes_over(start_runtime):
    rt = start_runtime({"work": work})
    first = run(rt, LOOP, router=WAYS)
    assert first["credits"]["charged"] == 4 * 21
    before = balance(rt)
    replayed, _ = rt.portal.wait(rt.executions.replay(ME, first["executionId"], from_step="d"))
    finish(rt, replayed.execution_id)
    assert balance(rt) == before - 21


# -- who is refused ---------------------------------------------------------------------------------------------------


def test_a_run_that_the_balance_does_not_cover_is_refused_and_leaves_nothing(start_runtime):
    rt = start_runtime(credit_grant=30)
    workflow_id = save(rt, "start>agent>do>end")
    finish(rt, begin(rt, workflow_id))
    with pytest.raises(InsufficientCredits) as caught:
        begin(rt, workflow_id)
    assert caught.value.details == {"required": 22, "balance": 8}
    assert "credits add 14 --grant --workspace default" in caught.value.hint
    assert balance(rt) == 8
    assert len(rt.portal.wait(rt.executions.list(ME))) == 1
    assert run(rt, "start>agent>end")["status"] == "completed", "what is covered still runs"


def test_other_workspaces_begin_with_nothing(start_runtime):
    rt = start_runtime()
    with pytest.raises(InsufficientCredits, match="elsewhere"):
        begin(rt, save(rt, "start>do>end", ELSEWHERE), ELSEWHERE)
    rt.portal.wait(rt.postings.add(ME, 21, kind="grant", workspace="elsewhere"))
    execution = begin(rt, save(rt, "start>do>end", ELSEWHERE), ELSEWHERE)
    assert finish(rt, execution, ELSEWHERE)["status"] == "completed"
    assert (balance(rt, ELSEWHERE), balance(rt)) == (0, 2000)
    assert [one["kind"] for one in transactions(rt, ELSEWHERE)] == ["deduction", "grant"]
    assert [entry.workspace for entry in entries(rt, ELSEWHERE)] == ["elsewhere", "elsewhere"]


def test_a_visit_that_the_admission_did_not_foresee_needs_credits_before_it_begins(start_runtime):
    ran = []

    async def noted(context):
        ran.append(context.key)
        return await work(context)

    rt = start_runtime({"work": noted}, credit_grant=3 * 21)
    picture = run(rt, LOOP, router=WAYS)
    assert picture["status"] == "error"
    failed = [step for step in picture["steps"] if step["status"] == "error"]
    assert [(step["stepId"], step["visit"], step["error"]["code"]) for step in failed] == [
        ("work", 3, "insufficient_credits")
    ]
    assert picture["error"]["code"] == "insufficient_credits"
    assert len(ran) == 2, "it never began"
    assert picture["credits"] == {"charged": 63, "refunded": 21}
    assert balance(rt) == 21


def test_a_child_execution_that_is_not_covered_fails_its_step(start_runtime):
    rt = start_runtime(credit_grant=20)
    inner = save(rt, "start>do>end")
    outer = workflow_of("start>a>end")
    nodes = [
        replace(node, type="workflow", data={"workflow": inner}) if node.id == "a" else node for node in outer.nodes
    ]
    saved = rt.portal.wait(rt.workflows.create(ME, replace(outer, nodes=tuple(nodes)), draft=True))
    picture = finish(rt, begin(rt, saved.id))
    assert picture["error"]["code"] == "insufficient_credits"
    assert balance(rt) == 20


def test_runs_in_memory_are_not_limited_unless_it_is_said(start_runtime):
    rt = start_runtime(unlimited_credits=None, credit_grant=30)
    for _ in range(3):
        run(rt, "start>agent>do>end")
    assert [one["amount"] for one in transactions(rt)] == [-22, 30] * 3
    assert balance(rt) == 24
    assert min(entry.balance_after for entry in entries(rt)) >= 0


def test_a_budget_refuses_before_anything_is_spent(start_runtime):
    clock = ManualClock(datetime(2026, 1, 31, 12, tzinfo=UTC))
    rt = start_runtime(clock=clock)
    workflow_id = save(rt, "start>do>end")
    known = rt.portal.wait(rt.credits.set_budget(ME, 50))
    assert known == {
        "workspaceId": "default", "creditsPerMonth": 50, "used": 0, "held": 0, "left": 50, "month": "2026-01",
        "resetsAt": "2026-02-01T00:00:00Z",
    }  # fmt: skip
    for _ in range(2):
        finish(rt, begin(rt, workflow_id))
    with pytest.raises(BudgetExceeded) as caught:
        begin(rt, workflow_id)
    assert caught.value.details == {"required": 21, "balance": 1958, "budget": 50, "left": 8}
    assert "credits budget" in caught.value.hint
    assert balance(rt) == 1958
    rt.portal.loop.call_soon_threadsafe(clock.advance, 24 * 3600)
    finish(rt, begin(rt, workflow_id))
    assert rt.portal.wait(rt.credits.budget(ME))["used"] == 21
    assert rt.portal.wait(rt.credits.set_budget(ME, None))["left"] is None
    with pytest.raises(InvalidInput, match="budget"):
        rt.portal.wait(rt.credits.set_budget(ME, -1))


def test_a_refused_edit_gives_its_hold_back(start_runtime):
    rt = start_runtime()
    first = run(rt, "start>do>agent>end")["executionId"]
    before = balance(rt)
    with pytest.raises(InvalidInput, match="edit"):
        rt.portal.wait(rt.executions.replay(ME, first, edits={"do": {"result": float("nan")}}))
    assert balance(rt) == before


# -- what the owner posts ---------------------------------------------------------------------------------------------


def test_purchases_and_their_refunds(start_runtime):
    rt = start_runtime(credit_grant=10)
    add = rt.postings.add
    rt.portal.wait(add(ME, 100, paid_usd="0.8", receipt="r-1", pack="pack-100", note="first"))
    assert balance(rt) == 110
    with pytest.raises(Conflict, match="r-1"):
        rt.portal.wait(add(ME, 100, paid_usd="0.8", receipt="r-1"))
    run(rt, "start>do>end")  # ten of the grant, eleven of the purchase
    usage = [entry for entry in entries(rt) if entry.kind is EntryKind.USAGE]
    assert [(int(e.credits), e.rate) for e in usage] == [(-10, 0), (-11, Decimal("0.008"))]
    bought = transactions(rt)[1]
    assert (bought["kind"], bought["usdAmount"], bought["note"]) == ("purchase", 0.8, "first")
    done = rt.portal.wait(rt.postings.refund(ME, bought["id"]))
    assert (done["refunded"], done["balance"], balance(rt)) == (89, 0, 0)
    newest = transactions(rt)[0]
    assert (newest["kind"], newest["amount"], newest["refundOf"]) == ("purchase_refund", -89, bought["id"])
    with pytest.raises(Conflict) as caught:
        rt.portal.wait(rt.postings.refund(ME, bought["id"]))
    assert caught.value.code == "NOTHING_TO_REFUND"


def test_usage_is_refunded_once(start_runtime):
    rt = start_runtime()
    execution = run(rt, "start>agent>do>end")["executionId"]
    assert rt.portal.wait(rt.postings.refund(ME, execution, note="sorry"))["refunded"] == 22
    assert balance(rt) == 2000
    assert told(rt)[:2] == [("refund", 22, 2000), ("deduction", -22, 1978)]
    refunds = [entry for entry in entries(rt) if entry.kind is EntryKind.REFUND]
    usage = {entry.entry_id: entry for entry in entries(rt) if entry.kind is EntryKind.USAGE}
    for refund in refunds:
        undone = usage.pop(refund.undoes)
        same = ("execution_id", "step", "node_type", "price_version", "model", "quantity", "unit", "lot_id", "rate")
        assert [getattr(refund, name) for name in same] == [getattr(undone, name) for name in same]
        assert refund.credits == -undone.credits
    assert not usage
    with pytest.raises(Conflict):
        rt.portal.wait(rt.postings.refund(ME, execution))
    with pytest.raises(NotFound):
        rt.portal.wait(rt.postings.refund(ME, "exec_0"))


@pytest.mark.parametrize(
    ("amount", "about", "code"),
    [
        (0, {"kind": "grant"}, "INVALID_CREDITS"),
        (-5, {"kind": "grant"}, "INVALID_CREDITS"),
        (10**10, {"kind": "grant"}, "INVALID_CREDITS"),
        (Decimal("0.00001"), {"kind": "grant"}, "INVALID_CREDITS"),
        (5, {}, "INVALID_PRICE"),
        (5, {"paid_usd": "cheap"}, "INVALID_PRICE"),
        (3000, {"paid_usd": "10"}, "INVALID_PRICE"),
        (5, {"kind": "grant", "paid_usd": "1"}, "INVALID_PRICE"),
        (5, {"kind": "usage"}, "UNKNOWN_ENTRY_KIND"),
        (5, {"kind": "grant", "note": "x" * 501}, "TEXT_TOO_LONG"),
        (-2001, {"kind": "adjustment"}, "INSUFFICIENT_CREDITS"),
    ],
)
def test_what_cannot_be_posted(amount, about, code, start_runtime):
    rt = start_runtime()
    with pytest.raises((InvalidInput, InsufficientCredits)) as caught:
        rt.portal.wait(rt.postings.add(ME, amount, **about))
    assert caught.value.code == code
    assert balance(rt) == 2000


def test_prices_that_are_none_keep_the_runtime_from_starting(start_runtime):
    with pytest.raises(NotConfigured, match="agent"):
        start_runtime(credit_prices={"agent": "free"})


# -- the ledger -------------------------------------------------------------------------------------------------------


def test_adjoining_windows_have_every_entry_once(start_runtime):
    clock = ManualClock()
    rt = start_runtime(clock=clock)
    for _ in range(4):
        run(rt, "start>agent>do>end")
        rt.portal.loop.call_soon_threadsafe(clock.advance, 3600)
        rt.portal.wait(rt.credits.balance(ME))  # the clock has moved
    whole = entries(rt)
    cut = datetime.fromtimestamp(whole[5].posted_at / 1000, UTC)
    before, after = entries(rt, window=(EVER[0], cut)), entries(rt, window=(cut, EVER[1]))
    assert before + after == whole
    assert before
    assert after
    assert [entry.balance_after for entry in whole] == [
        sum(entry.credits for entry in whole[: place + 1]) for place in range(len(whole))
    ]


def test_a_purge_leaves_the_ledger_and_the_transactions(start_runtime, tmp_path):
    clock = ManualClock()
    rt = start_runtime(data_dir=tmp_path, clock=clock)
    run(rt, "start>agent>do>end")
    before = entries(rt), transactions(rt)
    rt.portal.loop.call_soon_threadsafe(clock.advance, 7200)
    rt.portal.wait(rt.executions.settle())
    assert rt.portal.wait(rt.upkeep.purge(older_than_seconds=60))["executions"] == 1
    assert (entries(rt), transactions(rt)) == before
    rt.stop()
    assert transactions(start_runtime(data_dir=tmp_path, clock=clock)) == before[1]


# -- another process --------------------------------------------------------------------------------------------------


def test_a_restart_finds_every_balance_as_it_was(start_runtime, tmp_path):
    rt = start_runtime({"hang": hang, "bad": fail}, data_dir=tmp_path)
    for text in ("start>agent>do>end", "start>agent>bad>end"):
        run(rt, text)
    begin(rt, save(rt, "start>agent>hang>end"))
    rt.portal.wait(rt.postings.add(ME, 100, paid_usd="1"))
    rt.portal.wait(rt.postings.add(ME, 7, kind="grant", workspace="elsewhere"))
    rt.portal.wait(rt.credits.set_budget(ME, 500))
    live = {name: rt.portal.wait(_purse(rt, name)) for name in ("default", "elsewhere")}
    ledger = entries(rt)
    rt.stop()
    again = start_runtime({"hang": hang}, data_dir=tmp_path)
    for name, purse in live.items():
        found = again.portal.wait(_purse(again, name))
        assert (found.available, found.held, found.used) == (purse.available, purse.held, purse.used), name
        assert (found.budget, found.seq) == (purse.budget, purse.seq), name
    assert entries(again)[: len(ledger)] == ledger
    assert live["default"].held == 21 or live["default"].held == 22, "the agent's credit may be spent or not"


async def _purse(rt, workspace):
    return rt.credits.purse(workspace)


def test_a_ledger_that_is_gone_is_made_again_the_same(start_runtime, tmp_path):
    rt = start_runtime(data_dir=tmp_path, credit_grant=30)
    rt.portal.wait(rt.postings.add(ME, 100, paid_usd="1"))
    for _ in range(3):
        run(rt, "start>agent>do>end")
    before = entries(rt), balance(rt)
    rt.portal.wait(rt.database.write(lambda c: c.execute("DELETE FROM ledger WHERE position > 4").fetchall()))
    rt.stop()
    again = start_runtime(data_dir=tmp_path, credit_grant=30)
    assert (entries(again), balance(again)) == before


def test_a_run_that_began_before_there_was_a_ledger_stays_out_of_it(start_runtime, tmp_path):
    rt = start_runtime({"hang": hang}, data_dir=tmp_path)
    execution = begin(rt, save(rt, "start>agent>hang>end"))
    rt.stop()
    older = start_runtime({"hang": hang}, data_dir=tmp_path)
    older.portal.wait(older.executions.cancel(ME, execution))
    forget = [
        "DELETE FROM events WHERE kind IN ('credits_posted', 'credits_released', 'cancel_requested', 'step_skipped')",
        "DELETE FROM events WHERE kind = 'status' AND contains(body, 'cancelled')",
        "DELETE FROM executions", "DELETE FROM steps", "DELETE FROM ledger",
        "UPDATE events SET body = json_merge_patch(body, '{\"about\": null}') WHERE starts_with(kind, 'credits_')",
    ]  # fmt: skip
    older.portal.wait(older.executions.settle())
    older.portal.wait(older.database.write(lambda c: [c.execute(statement) for statement in forget]))
    older.stop()
    rt = start_runtime({"hang": hang}, data_dir=tmp_path)
    assert rt.resumed == 1
    picture = rt.portal.wait(rt.executions.cancel(ME, execution))
    assert picture["credits"]["charged"] == 22
    assert balance(rt) == 2000
    assert told(rt) == [("grant", 2000, 2000)]


def test_a_killed_process_charges_nothing_twice(tmp_path, start_runtime):
    """It is killed while its run waits for a person; the next one goes on with the same money."""
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("credit_child.py")), str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        executions = child.stdout.readline().split()
        child.send_signal(signal.SIGKILL)
        child.wait(30)
    assert len(executions) == 3
    rt = start_runtime(data_dir=tmp_path, credit_grant=100)
    assert rt.resumed == 3
    assert balance(rt) == 100 - 3 * 22
    waiting = rt.portal.wait(rt.waitpoints.list(ME))
    assert {point["executionId"] for point in waiting} == set(executions)
    answered, *others = waiting
    rt.portal.wait(rt.waitpoints.complete(ME, answered["waitpointId"], "yes"))
    assert finish(rt, answered["executionId"])["credits"] == {"charged": 22, "refunded": 0}
    for point in others:
        picture = rt.portal.wait(rt.executions.cancel(ME, point["executionId"]))
        assert picture["credits"] == {"charged": 22, "refunded": 21}
    assert balance(rt) == 100 - 22 - 2
    kinds = [one["kind"] for one in transactions(rt)]
    assert sorted(kinds) == ["deduction"] * 3 + ["grant"] + ["refund"] * 2
    usage = [(e.execution_id, e.step, e.visit) for e in entries(rt) if e.kind is EntryKind.USAGE]
    assert len(usage) == len(set(usage)) == 4
