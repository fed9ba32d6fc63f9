"""The two billing routes on a real server: what comes, in which words it is refused, and what a fault looks like."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import httpx
import pytest
from ledger_kit import ME, Bookkeeping, every_kind
from server import CANVAS, START_AGENT_END, Answer, Call

from builder_jupyter.clock import iso_z
from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.costs.focus.check import check, read_json
from builder_jupyter.costs.focus.columns import DataType, all_columns, columns_of
from builder_jupyter.rest.app import BuilderApp
from builder_jupyter.services.runtime import Runtime
from builder_jupyter.storage.focus import export as exporting

EXPORT, METADATA = "/api/billing/focus-export", "/api/billing/focus-metadata"
NAMES = [column.name for column in columns_of()]
DECIMALS = [column.name for column in columns_of() if column.type is DataType.DECIMAL]
Save = Callable[..., Awaitable[str]]


@pytest.fixture
def window() -> dict[str, str]:
    """From yesterday to the day after tomorrow."""
    today = datetime.now(UTC).date()
    return {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=2))}


@pytest.fixture
def reader(make_key: Callable[..., str]) -> str:
    return make_key("read:billing")


@pytest.fixture
def run(call: Call, full_key: str, save: Save) -> Callable[[int], Awaitable[None]]:
    """Run the canvas, which costs a credit each time."""

    async def go(times: int) -> None:
        canvas = await save(CANVAS)
        for number in range(times):
            body = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": f"t-{number}"}, "sync": True}
            assert (await call("POST", "/api/run", key=full_key, body=body)).status == 200

    return go


def read_csv(answer: Answer) -> list[dict[str, str | None]]:
    names, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    return [{name: cell or None for name, cell in zip(names, row, strict=True)} for row in rows]


def read_lines(answer: Answer) -> list[dict[str, Any]]:
    return [read_json(line) for line in answer.text.splitlines()]


async def test_both_formats_hold_the_same(
    call: Call, reader: str, run: Callable[[int], Awaitable[None]], window: dict[str, str]
) -> None:
    await run(3)
    default = await call("GET", EXPORT, key=reader, **window)
    as_lines = await call("GET", EXPORT, key=reader, **window, format="jsonl")
    as_csv = await call("GET", EXPORT, key=reader, **window, format="csv")
    assert default.body == as_lines.body, "the default, and the same bytes again"
    for answer, media_type, name in (
        (as_lines, "application/jsonl", "focus-export.jsonl"),
        (as_csv, "text/csv", "focus-export.csv"),
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Transfer-Encoding"] == "chunked", "it is sent while it is made"
    assert as_csv.text.partition("\r\n")[0].split(",") == NAMES
    assert not as_csv.body.startswith(b"\xef\xbb\xbf")
    lines, rows = read_lines(as_lines), read_csv(as_csv)
    assert [list(line) for line in lines] == [NAMES] * 4
    assert [row["x_LedgerEntryId"] for row in rows] == [line["x_LedgerEntryId"] for line in lines]
    for row, line in zip(rows, lines, strict=True):
        for name in NAMES:
            if name in DECIMALS:
                assert (row[name] and Decimal(row[name])) == (line[name] if line[name] is None else Decimal(line[name]))
            elif isinstance(line[name], dict):
                assert json.loads(str(row[name])) == line[name]
            else:
                assert row[name] == line[name]
    assert [str(fault) for fault in check(NAMES, rows)] == []
    assert [row["ChargeCategory"] for row in rows] == ["Credit", "Usage", "Usage", "Usage"]
    assert [row["x_CreditDelta"] for row in rows[1:]] == ["-1.0"] * 3


async def test_windows(
    call: Call, reader: str, runtime: Runtime, run: Callable[[int], Awaitable[None]], window: dict[str, str]
) -> None:
    await run(4)
    whole = read_lines(await call("GET", EXPORT, key=reader, **window))
    ends = (datetime.fromisoformat(window[name]).replace(tzinfo=UTC) for name in ("from", "to"))
    entries = [
        entry for page in runtime.portal.iterate(runtime.credits.ledger(ME, *ends)) for entry in page if entry.credits
    ]
    assert [entry.entry_id for entry in entries] == [row["x_LedgerEntryId"] for row in whole]
    # Cut exactly where an entry was posted: `from` is inclusive, `to` is not.
    cut = datetime.fromtimestamp(entries[2].posted_at / 1000, UTC).isoformat(timespec="milliseconds")
    before = read_lines(await call("GET", EXPORT, key=reader, **(window | {"to": cut})))
    after = read_lines(await call("GET", EXPORT, key=reader, **(window | {"from": cut})))
    assert before + after == whole
    assert after[0]["x_LedgerEntryId"] in {e.entry_id for e in entries if e.posted_at == entries[2].posted_at}
    # Nothing in it: a header alone, an empty body.
    past = {"from": "2020-01-01", "to": "2020-02-01"}
    empty = await call("GET", EXPORT, key=reader, **past, format="csv")
    assert (empty.status, empty.text) == (200, ",".join(NAMES) + "\r\n")
    assert ((none := await call("GET", EXPORT, key=reader, **past)).status, none.body) == (200, b"")
    parquet = await call("GET", EXPORT, key=reader, **past, format="parquet")
    assert (parquet.status, parquet.body[:4]) == (200, b"PAR1")


WINDOWS = {
    "365 days": ("2025-01-01", "2026-01-01", 200),
    "365 days and a second": ("2025-01-01", "2026-01-01T00:00:01Z", 400),
    "a leap year": ("2024-01-01", "2025-01-01", 400),
    "times": ("2025-01-01T10:00:00Z", "2025-01-01T10:00:01Z", 200),
    "other offsets": ("2025-01-01T10:00:00+02:00", "2025-01-01T08:00:01Z", 200),
    "nothing between": ("2025-01-01", "2025-01-01T00:00:00Z", 400),
    "backwards": ("2025-01-02", "2025-01-01", 400),
    "no such day": ("2025-02-30", "2025-03-30", 400),
    "no such hour": ("2025-02-01T25:00:00Z", "2025-03-30", 400),
    "words": ("yesterday-or-so", "2025-03-30", 400),
    "no offset": ("2025-01-01T10:00:00", "2025-01-02", 400),
    "a week": ("2025-W01-1", "2025-03-30", 400),
    "before there was anything": ("0001-01-01T00:00:00+14:00", "0001-01-02", 400),
    "the last day of all": ("9999-12-01", "9999-12-31T23:59:59-14:00", 400),
    "the last months that can be told": ("9997-01-01", "9997-12-31T23:59:59Z", 200),
}


@pytest.mark.parametrize("path", [EXPORT, METADATA])
async def test_which_windows_there_are(path: str, call: Call, reader: str) -> None:
    for name, (start, end, status) in WINDOWS.items():
        answer = await call("GET", path, key=reader, **{"from": start, "to": end})
        assert answer.status == status, (name, answer.text)
        if status == 400:
            check_refusal(answer, "invalid_window")
    for missing in ({}, {"from": "2025-01-01"}, {"to": "2025-01-01"}, {"from": "", "to": ""}):
        check_refusal(await call("GET", path, key=reader, **missing), "invalid_request")


def check_refusal(answer: Answer, code: str, status: int = 400) -> None:
    assert (answer.status, answer.json["code"]) == (status, code), answer.text
    assert set(answer.json) <= {"error", "code", "details", "requiredScopes"}
    assert " " in answer.json["error"]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize("path", [EXPORT, METADATA])
async def test_who_may(
    path: str, call: Call, make_key: Callable[..., str], foreign_key: str, jp_auth_header: dict[str, str],
    window: dict[str, str], run: Callable[[int], Awaitable[None]],
) -> None:  # fmt: skip
    await run(1)
    reader = make_key("read:billing")
    refused = await call("GET", path, key=make_key("run:workflows", "read:canvases"), **window)
    check_refusal(refused, "missing_scope", 403)
    assert "read:billing" in refused.json["error"]
    assert (await call("GET", path, **window)).status == 401
    # A key tells its workspace, and may say so; it has no other.
    assert (await call("GET", path, key=reader, **window, workspaceId="default")).status == 200
    check_refusal(await call("GET", path, key=reader, **window, workspaceId="elsewhere"), "workspace_denied", 403)
    theirs = await call("GET", path, key=foreign_key, **window)
    assert theirs.status == 200
    assert "default" not in theirs.text
    # Who is signed in must say which one.
    check_refusal(await call("GET", path, headers=jp_auth_header, **window), "missing_workspace")
    assert (await call("GET", path, headers=jp_auth_header, **window, workspaceId="default")).status == 200
    check_refusal(
        await call("GET", path, headers=jp_auth_header, **window, workspaceId="elsewhere"), "workspace_denied", 403
    )


async def test_formats_versions_and_columns(
    call: Call, reader: str, run: Callable[[int], Awaitable[None]], window: dict[str, str], tmp_path: Any
) -> None:
    await run(2)
    for wrong in ({"format": "xlsx"}, {"format": "CSV"}, {"version": "1.5"}, {"version": "1.0"}, {"safe": "maybe"}):
        check_refusal(await call("GET", EXPORT, key=reader, **window, **wrong), "invalid_request")
    check_refusal(await call("GET", EXPORT, key=reader, **window, version="1.4"), "choose_columns")
    unknown = await call("GET", EXPORT, key=reader, **window, version="1.4", columns="ProviderName,BilledCost")
    check_refusal(unknown, "unknown_column")
    assert "ProviderName" in unknown.json["error"]
    # In the specification's order, whatever order they are asked in.
    asked = "x_CreditDelta, InvoiceDetailId,BilledCost"
    newer = await call("GET", EXPORT, key=reader, **window, version="1.4", columns=asked, format="csv")
    assert newer.text.splitlines()[:2] == ["BilledCost,InvoiceDetailId,x_CreditDelta", "0.0,,2000.0"]
    older = read_lines(await call("GET", EXPORT, key=reader, **window, version="1.2"))
    assert list(older[0]) == [column.name for column in columns_of("1.2")]
    assert "HostProviderName" not in older[0]
    # Parquet has the same values, typed.
    answer = await call("GET", EXPORT, key=reader, **window, format="parquet")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="focus-export.parquet"'
    place = tmp_path / "e.parquet"
    place.write_bytes(answer.body)
    found = duckdb.read_parquet(str(place))
    types = dict(zip(found.columns, map(str, found.types), strict=True))
    assert list(types) == NAMES
    assert {types[name] for name in DECIMALS} == {"DECIMAL(28,10)"}
    assert types["ChargePeriodStart"] == "TIMESTAMP WITH TIME ZONE"
    rows = read_csv(await call("GET", EXPORT, key=reader, **window, format="csv"))
    exact = found.project(
        "x_LedgerEntryId, x_CreditBalanceAfter::VARCHAR, Tags, strftime(x_PostedAt::TIMESTAMP, '%Y-%m-%dT%H:%M:%SZ')"
    ).fetchall()
    told = [(r["x_LedgerEntryId"], Decimal(str(r["x_CreditBalanceAfter"])), r["Tags"], r["x_PostedAt"]) for r in rows]
    assert [(entry, Decimal(after), tags, at) for entry, after, tags, at in exact] == told


async def test_formulas_in_spreadsheets(
    call: Call, full_key: str, reader: str, save: Save, window: dict[str, str]
) -> None:
    canvas = await save(CANVAS, name='=HYPERLINK("http://x")')
    body = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": "x"}, "sync": True}
    assert (await call("POST", "/api/run", key=full_key, body=body)).status == 200
    plain = read_csv(await call("GET", EXPORT, key=reader, **window, format="csv"))[-1]
    safe = read_csv(await call("GET", EXPORT, key=reader, **window, format="csv", safe="true"))[-1]
    assert plain["ResourceName"] == '=HYPERLINK("http://x")'
    assert safe["ResourceName"] == '\'=HYPERLINK("http://x")'
    assert {name: safe[name] for name in NAMES if name != "ResourceName"} == {
        name: plain[name] for name in NAMES if name != "ResourceName"
    }, "numbers below zero are numbers"
    assert str(safe["x_CreditDelta"]).startswith("-")


async def test_while_runs_are_being_charged(
    call: Call, full_key: str, reader: str, save: Save, window: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export is one moment of the ledger, in however many pieces it is read."""
    monkeypatch.setattr(exporting, "ROWS_AT_A_TIME", 3)
    canvas = await save(CANVAS)

    async def charge(number: int) -> None:
        body = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": f"c-{number}"}, "sync": True}
        assert (await call("POST", "/api/run", key=full_key, body=body)).status == 200

    async def charge_all() -> None:
        for begin in range(0, 60, 6):
            await asyncio.gather(*(charge(begin + at) for at in range(6)))

    charging = asyncio.create_task(charge_all())
    seen: list[list[dict[str, Any]]] = []
    while not charging.done():
        seen.append(read_lines(await call("GET", EXPORT, key=reader, **window)))
    await charging
    last = read_lines(await call("GET", EXPORT, key=reader, **window))
    assert len(last) == 61
    for rows in seen:
        assert rows == last[: len(rows)], "what was there stays, nothing is missing in the middle"
        balance = Decimal(0)
        for row in rows:
            balance += Decimal(row["x_CreditDelta"])
            assert balance == Decimal(row["x_CreditBalanceAfter"])
    assert len({len(rows) for rows in seen}) > 1, "there was something to be seen in between"


@pytest.mark.parametrize("fmt", ["csv", "jsonl"])
async def test_a_fault_midway_breaks_the_connection(
    fmt: str, call: Call, server_url: str, reader: str, run: Callable[[int], Awaitable[None]], window: dict[str, str],
    extension: BuilderApp, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A short file with a proper end would be taken for the whole one."""
    await run(6)
    monkeypatch.setattr(exporting, "ROWS_AT_A_TIME", 2)
    database, reads = extension.require_runtime().database, []
    real = database.read

    async def read(work: Any) -> Any:
        if "FocusStore" in work.__qualname__:  # the ledger is kept up beside it
            reads.append(work)
            if len(reads) == faulty_at:
                raise duckdb.IOException("the disk is gone")
        return await real(work)

    monkeypatch.setattr(database, "read", read)
    query, headers = {**window, "format": fmt}, {"Authorization": f"Bearer {reader}"}
    faulty_at = 0
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        whole = await client.get(server_url + EXPORT, params=query, headers=headers)
        assert whole.status_code == 200
        needed, faulty_at = len(reads), len(reads) - 1
        reads.clear()
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server_url + EXPORT, params=query, headers=headers)
        assert len(reads) == faulty_at < needed
        # The server is fine, and the next one is whole.
        faulty_at = 0
        assert (await client.get(server_url + EXPORT, params=query, headers=headers)).content == whole.content


async def test_metadata(
    call: Call, full_key: str, reader: str, window: dict[str, str], *, save: Save, scripted: ScriptedModel,
    runtime: Runtime,
) -> None:  # fmt: skip
    told = (await call("GET", METADATA, key=reader, **window)).json
    assert list(told) == ["DataGenerator", "DatasetInstance", "Recency", "Schema"]
    (instance,), (recency,), (schema,) = told["DatasetInstance"], told["Recency"], told["Schema"]
    assert instance["FocusDatasetId"] == "CostAndUsage"
    assert recency["DatasetInstanceId"] == schema["DatasetInstanceId"] == instance["DatasetInstanceId"]
    assert (schema["FocusVersion"], told["DataGenerator"]) == ("1.3", {"DataGenerator": "builder_jupyter"})
    definitions = {one["ColumnName"]: one for one in schema["ColumnDefinition"]}
    assert list(definitions) == NAMES
    assert definitions["Tags"]["ProviderTagPrefixes"] == ["builder/"]
    assert [name for name, one in definitions.items() if one.get("Deprecated")] == ["ProviderName", "PublisherName"]
    types = {column.name: str(column.type) for column in all_columns()}
    for name, one in definitions.items():
        assert one["DataType"] == types[name]
        assert ("NumericPrecision" in one) is (name in DECIMALS)
    # Yesterday is over; today is not, and less so while something runs.
    assert [sector["TimeSectorComplete"] for sector in recency["TimeSectors"]] == [True, False, False]
    starts = [sector["TimeSectorStart"] for sector in recency["TimeSectors"]]
    assert starts == [
        f"{datetime.fromisoformat(window['from']).date() + timedelta(days=n)}T00:00:00Z" for n in range(3)
    ]
    # By month where there are more than 92 days.
    days = (await call("GET", METADATA, key=reader, **{"from": "2025-01-01", "to": "2025-04-03"})).json
    months = (await call("GET", METADATA, key=reader, **{"from": "2025-01-15", "to": "2025-12-02"})).json
    assert len(days["Recency"][0]["TimeSectors"]) == 92
    sectors = months["Recency"][0]["TimeSectors"]
    assert (len(sectors), sectors[0]["TimeSectorStart"], sectors[-1]["TimeSectorEnd"]) == (
        12, "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z",
    )  # fmt: skip
    # The ids stay what they are.
    assert days["DatasetInstance"] == months["DatasetInstance"] == told["DatasetInstance"]
    assert days["Schema"] == told["Schema"]


def test_recency_with_a_run_in_flight_and_over_restarts(tmp_path: Any) -> None:
    book = Bookkeeping(tmp_path)
    every_kind(book)
    window = ("2026-02-01", "2026-03-01")

    def ask() -> dict[str, Any]:
        told: dict[str, Any] = book.ask(book.runtime.billing.metadata(ME, *window, workspace="default"))
        return told

    def complete() -> dict[str, bool]:
        (recency,) = ask()["Recency"]
        return {one["TimeSectorStart"][:10]: one["TimeSectorComplete"] for one in recency["TimeSectors"]}

    now = book.clock.now()
    assert complete() == {f"2026-02-{day:02}": day < now.day for day in range(1, 29)}
    # A run that waits is not over: what it costs is still to come, from the day on which it began.
    asking = book.ask(book.runtime.workflows.create(ME, asking_workflow(), draft=True)).id
    begun = book.ask(book.runtime.executions.start(ME, asking, inputs={"message": "x"})).execution_id
    book.pass_time(3 * 86_400)
    assert complete() == {f"2026-02-{day:02}": day < now.day for day in range(1, 29)}
    book.ask(book.runtime.executions.cancel(ME, begun))
    assert complete() == {f"2026-02-{day:02}": day < now.day + 3 for day in range(1, 29)}
    # A late refund moves the day of what it undoes, and leaves it complete.
    listed = book.ask(book.runtime.credits.transactions(ME, 200))
    used = next(one for one in listed if one["kind"] == "deduction")
    book.ask(book.runtime.postings.refund(ME, used["executionId"]))
    (recency,) = ask()["Recency"]
    day = next(one for one in recency["TimeSectors"] if one["TimeSectorStart"][:10] == f"{now:%Y-%m-%d}")
    assert (day["TimeSectorComplete"], day["TimeSectorLastUpdated"]) == (True, iso_z(book.clock.now()))
    before = ask()
    book.stop()
    book = Bookkeeping(tmp_path)
    after = book.ask(book.runtime.billing.metadata(ME, *window, workspace="default"))
    book.stop()
    for part in ("DataGenerator", "DatasetInstance", "Schema"):
        assert after[part] == before[part]


def asking_workflow() -> Any:
    from builder_jupyter.graph.model import Workflow

    nodes = [START_AGENT_END["nodes"][0], {"id": "agent", "type": "human"}, START_AGENT_END["nodes"][2]]
    return Workflow.from_dict({"name": "Asks", "nodes": nodes, "edges": START_AGENT_END["edges"]})
