"""Credits over REST: what clients see, who is refused and how it is said, and that nobody can overdraw."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
from server import CANVAS, START_AGENT_END, Call

if TYPE_CHECKING:
    from builder_jupyter.connectors.fakes import ScriptedModel

SMALL = 25
BALANCE, TRANSACTIONS, SUMMARY = (
    f"/api/mcp/{name}" for name in ("credits/balance", "credits/transactions", "billing/summary")
)
BUDGET, CREDITS, REFUND = (f"/api/builder/{name}" for name in ("budget", "credits", "credits/refund"))


@pytest.fixture
def builder_settings() -> dict[str, Any]:
    return {"credit_grant": SMALL}


@pytest.fixture
def run(call: Call, full_key: str, save: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[Any]]:
    """Run the canvas, which costs one credit, to its end."""

    async def go(topic: str, **fields: Any) -> Any:
        canvas = await save(CANVAS)
        body = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": topic}, "sync": True, **fields}
        return await call("POST", "/api/run", key=full_key, body=body)

    return go


async def test_what_clients_see(call: Call, make_key: Callable[..., str], run: Callable[..., Awaitable[Any]]) -> None:
    key = make_key("read:billing")
    before = (await call("GET", BALANCE, key=key)).json
    assert set(before) == {"workspaceId", "balance", "updatedAt"}
    assert (before["workspaceId"], before["balance"]) == ("default", SMALL)
    execution = (await run("one")).json["executionId"]
    listed = (await call("GET", TRANSACTIONS, key=key)).json
    assert listed["workspaceId"] == "default"
    newest, grant = listed["transactions"]
    assert newest == {
        "id": f"{execution}/deduction", "workspaceId": "default", "kind": "deduction", "amount": -1, "note": None,
        "balanceAfter": SMALL - 1, "createdAt": newest["createdAt"], "executionId": execution,
        "canvasId": newest["canvasId"], "triggerType": "api", "breakdown": {"text-gen": {"count": 1, "credits": 1}},
    }  # fmt: skip
    assert (grant["kind"], grant["amount"], grant["note"]) == ("grant", SMALL, "Starting grant")
    assert (await call("GET", TRANSACTIONS, key=key, limit=1)).json["transactions"] == [newest]
    summary = (await call("GET", SUMMARY, key=key)).json
    assert summary == {"workspaceId": "default", "balance": SMALL - 1, "transactions": [newest, grant]}
    for limit in (0, 201, "x"):
        assert (await call("GET", TRANSACTIONS, key=key, limit=limit)).status == 400


async def test_the_same_request_again_costs_nothing(
    call: Call, full_key: str, run: Callable[..., Awaitable[Any]]
) -> None:
    first, second = await run("one", idempotencyKey="k"), await run("one", idempotencyKey="k2")
    assert first.json["executionId"] != second.json["executionId"]
    body = {"canvasId": first.json["canvasId"], "triggerNodeId": "topic", "inputs": {"topic": "one"}, "sync": True}
    again = await call("POST", "/api/run", key=full_key, body={**body, "idempotencyKey": "k"})
    assert again.headers["X-Idempotent-Replay"] == "true"
    assert (await call("GET", BALANCE, key=full_key)).json["balance"] == SMALL - 2


async def test_100_runs_at_once_on_a_small_balance(
    call: Call, full_key: str, save: Callable[..., Awaitable[str]], scripted: ScriptedModel
) -> None:
    canvas = await save(CANVAS)

    async def start(number: int) -> Any:
        body = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": str(number)}, "sync": number % 2 == 0}
        return await call("POST", "/api/run", key=full_key, body=body)

    answers = await asyncio.gather(*(start(number) for number in range(100)))
    begun = [answer for answer in answers if answer.status < 300]
    refused = [answer for answer in answers if answer.status == 402]
    assert (len(begun), len(refused)) == (SMALL, 100 - SMALL)
    for answer in refused:
        assert set(answer.json) == {"error", "code", "required", "balance"}
        assert (answer.json["code"], answer.json["required"], answer.json["balance"]) == ("insufficient_credits", 1, 0)
        assert "builder-jupyter credits add" in answer.json["error"]
    for answer in begun:
        execution = answer.json["executionId"]
        async with asyncio.timeout(60):
            while (await call("GET", "/api/executions", key=full_key, executionId=execution)).json[
                "status"
            ] != "completed":
                await asyncio.sleep(0.02)
    assert (await call("GET", BALANCE, key=full_key)).json["balance"] == 0
    listed = (await call("GET", TRANSACTIONS, key=full_key, limit=200)).json["transactions"]
    assert sorted(one["kind"] for one in listed) == ["deduction"] * SMALL + ["grant"]
    assert {one["executionId"] for one in listed[:-1]} == {answer.json["executionId"] for answer in begun}
    assert min(one["balanceAfter"] for one in listed) == 0
    assert len(scripted.requests) == SMALL, "nobody was served who was not charged"


async def test_every_way_to_start_a_run_is_refused_alike(
    call: Call, full_key: str, save: Callable[..., Awaitable[str]], jp_auth_header: dict[str, str]
) -> None:
    canvas = await save(START_AGENT_END)
    run = {"canvasId": canvas, "triggerNodeId": "start", "inputs": {"message": "x"}, "sync": True}
    execution = (await call("POST", "/api/run", key=full_key, body=run)).json["executionId"]
    taken = {"credits": -(SMALL - 1), "kind": "adjustment"}
    assert (await call("POST", CREDITS, headers=jp_auth_header, body=taken)).json["balance"] == 0
    manual = await call(
        "POST", "/api/execute/start", key=full_key, body={"canvasId": canvas}, headers={"X-Trigger-Type": "manual"}
    )
    again = await call("POST", f"/api/builder/executions/{execution}/replay", key=full_key, body={})
    assert manual.status == again.status == 402
    assert (manual.json["code"], manual.json["required"], manual.json["balance"]) == ("insufficient_credits", 1, 0)
    assert (again.json["error"], again.json["code"]) == ("payment_required", "INSUFFICIENT_CREDITS")
    assert again.json["details"] == {"required": 1, "balance": 0}
    # A refused request does not keep its key.
    body = {**run, "idempotencyKey": "later"}
    assert (await call("POST", "/api/run", key=full_key, body=body)).status == 402
    await call("POST", CREDITS, headers=jp_auth_header, body={"credits": 1, "kind": "grant"})
    assert (await call("POST", "/api/run", key=full_key, body=body)).status == 200


async def test_budgets(call: Call, make_key: Callable[..., str], run: Callable[..., Awaitable[Any]]) -> None:
    owner, reader = make_key("manage:integrations"), make_key("read:billing")
    assert (await call("PUT", BUDGET, key=reader, body={"creditsPerMonth": 1})).status == 403
    assert (await call("GET", BUDGET, key=owner)).status == 403
    assert (await call("GET", BUDGET, key=reader)).json["creditsPerMonth"] is None
    for wrong in ({}, {"creditsPerMonth": -1}, {"creditsPerMonth": "1"}, {"creditsPerMonth": 1.5}):
        assert (await call("PUT", BUDGET, key=owner, body=wrong)).status == 400
    known = (await call("PUT", BUDGET, key=owner, body={"creditsPerMonth": 1})).json
    assert (known["creditsPerMonth"], known["left"], known["used"]) == (1, 1, 0)
    assert (await run("one")).status == 200
    refused = await run("two")
    assert refused.status == 402
    assert refused.json["code"] == "budget_exceeded"
    assert {name: refused.json[name] for name in ("required", "balance", "budget", "left")} == {
        "required": 1, "balance": SMALL - 1, "budget": 1, "left": 0,
    }  # fmt: skip
    assert "credits budget" in refused.json["error"]
    assert (await call("GET", BUDGET, key=reader)).json["used"] == 1
    assert (await call("PUT", BUDGET, key=owner, body={"creditsPerMonth": None})).json["left"] is None
    assert (await run("two")).status == 200


async def test_only_the_servers_owner_adds_credits(
    call: Call, full_key: str, foreign_key: str, jp_auth_header: dict[str, str]
) -> None:
    purchase = {"credits": 100, "paidUsd": "0.80", "receipt": "r-1", "pack": "pack-100"}
    for key in (full_key, foreign_key):
        assert (await call("POST", CREDITS, key=key, body=purchase)).status == 403
        assert (await call("POST", REFUND, key=key, body={"id": "le_1"})).status == 403
    added = await call("POST", CREDITS, headers=jp_auth_header, body=purchase)
    assert (added.status, added.json) == (201, {"workspaceId": "default", "balance": SMALL + 100, "added": 100})
    twice = await call("POST", CREDITS, headers=jp_auth_header, body=purchase)
    assert (twice.status, twice.json["code"]) == (409, "RECEIPT_POSTED")
    bought = (await call("GET", TRANSACTIONS, key=full_key)).json["transactions"][0]
    assert (bought["kind"], bought["usdAmount"]) == ("purchase", 0.8)
    assert (await call("POST", REFUND, headers=jp_auth_header, body={"id": "le_0"})).status == 404
    back = await call("POST", REFUND, headers=jp_auth_header, body={"id": bought["id"]})
    assert back.json == {"workspaceId": "default", "balance": SMALL, "refunded": 100}
    given = {"credits": 3, "kind": "grant", "workspaceId": "elsewhere"}
    assert (await call("POST", CREDITS, headers=jp_auth_header, body=given)).json["balance"] == 3
    assert (await call("GET", BALANCE, key=foreign_key)).json["balance"] == 3
