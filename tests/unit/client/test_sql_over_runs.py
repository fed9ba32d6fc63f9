"""SQL over runs: what it is asked of, and what it cannot reach."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from builder_jupyter.client.client import Client
from builder_jupyter.client.history import ask_history
from builder_jupyter.client.protocol import Wire
from builder_jupyter.errors import InvalidInput, NotConfigured, NotFound
from builder_jupyter.graph.model import Workflow
from builder_jupyter.storage.scratch import question


def two_runs(client: Client, chain: Callable[..., Workflow]) -> tuple[str, str]:
    flow = chain({"id": "a", "type": "agent", "data": {"prompt": "Answer."}})
    runs = [client.run(flow, text, show=False) for text in ("one", "two")]
    return runs[0].id, runs[1].id


def test_tables_are_those_of_the_runs(client: Client, chain: Any) -> None:
    first, second = two_runs(client, chain)
    assert set(ask_history(client, "select id from executions")["id"]) == {first, second}
    sql = "select e.id, s.step, s.text from executions e join steps s on s.execution_id = e.id where s.type = 'agent'"
    assert dict(ask_history(client, sql)[["id", "text"]].values) == {first: "About: one", second: "About: two"}
    events = ask_history(client, "SELECT execution_id, max(seq) AS last FROM EVENTS GROUP BY ALL")
    assert dict(events.values) == {one: client.execution(one).events["seq"].max() for one in (first, second)}
    assert ask_history(client, "select count(*) as n from executions", limit=1)["n"].tolist() == [1]


def test_a_table_that_is_not_spoken_of_is_not_fetched(
    client: Client, chain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_runs(client, chain)
    asked: list[str] = []
    snapshot = client.transport.snapshot

    async def counted(execution_id: str) -> Wire:
        asked.append(execution_id)
        return await snapshot(execution_id)

    monkeypatch.setattr(client.transport, "snapshot", counted)
    ask_history(client, "select * from executions")
    ask_history(client, "select * from events")
    assert asked == []
    ask_history(client, "select 1 from Steps")
    assert len(asked) == 2


def test_without_runs_the_tables_have_their_columns_and_types(client: Client) -> None:
    for table in ("executions", "steps", "events"):
        assert ask_history(client, f"select * from {table}").empty
    types = ask_history(client, "select column_name, column_type from (describe steps)").set_index("column_name")
    assert types.column_type[["execution_id", "step", "visit", "seconds", "started_at"]].tolist() == [
        "VARCHAR", "VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMP WITH TIME ZONE",
    ]  # fmt: skip


def test_runs_of_one_workflow(client: Client, chain: Any) -> None:
    two_runs(client, chain)
    name = str(client.workflows()["name"][0])
    assert ask_history(client, "select count(*) as n from executions", workflow=name)["n"].tolist() == [2]
    with pytest.raises(NotFound):
        ask_history(client, "select 1", workflow="nothing")


FRAMES = {"t": pd.DataFrame({"n": [1, 2], "word": ["a", "b"]})}


def test_a_name_may_be_there_twice() -> None:
    found = question('select n, n, \'x y\' as "a ""b""", now() as n from t', FRAMES)
    assert [column.rstrip("_123") for column in found.columns] == ["n", "n", 'a "b"', "n"]
    assert str(found.iloc[:, 3].dtype).endswith("UTC]")


def test_kinds_of_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "select sum(n)::int as n from t"
    pd.testing.assert_frame_equal(question(sql, FRAMES), pd.DataFrame({"n": [3]}, dtype="int32"))
    assert question(sql, FRAMES, to="polars").equals(pl.DataFrame({"n": [3]}, schema={"n": pl.Int32}))
    for kind, library in (("polars", "polars"), ("arrow", "pyarrow")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(NotConfigured, match=f"pip install {library}") as caught:
            question(sql, FRAMES, to=kind)
        assert caught.value.code == "NO_LIBRARY"


secret = pd.DataFrame({"key": ["builder_s3cret"]})  # what a replacement scan would find by its name


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{file}')",
        "select * from read_text('{file}')",
        "select * from '{file}'",
        "select * from read_blob('{file}')",
        "select * from glob('{folder}/*')",
        "select * from parquet_scan('{file}')",
        "select * from read_csv('https://example.com/x.csv')",
        "select * from sqlite_scan('{file}', 't')",
        "select * from secret",
        "select * from duckdb_secrets()",
        "select getenv('HOME')",
        "select set_config('enable_external_access', 'true', false)",
    ],
)
def test_nothing_else_can_be_reached(sql: str, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("key\nbuilder_s3cret\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        question(sql.replace("{file}", str(file)).replace("{folder}", str(tmp_path)), FRAMES)
    assert caught.value.code == "INVALID_SQL"
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "select 1; select 2",
        "select 1; attach '{file}' as a",
        "attach '{file}' as a",
        "copy t to '{file}'",
        "copy (select 1) to '{file}'",
        "export database '{file}'",
        "set enable_external_access = true",
        "pragma database_list",
        "install httpfs",
        "load httpfs",
        "create table x as select 1",
        "with x as (select 1) insert into t from x",
        "drop view t",
        "call duckdb_settings()",
        "create secret s (type s3)",
        "explain analyze select 1",
    ],
)
def test_only_one_query_is_taken(sql: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        question(sql.replace("{file}", str(tmp_path / "out")), FRAMES)
    assert caught.value.code == "NOT_A_QUERY"
    assert list(tmp_path.iterdir()) == []
    assert FRAMES["t"].shape == (2, 2)


@pytest.mark.parametrize("sql", ["selec 1", "select nothing from t", "select * from nowhere", "select 1 +"])
def test_what_the_database_says_is_one_line(sql: str) -> None:
    with pytest.raises(InvalidInput, match=r"^The database says: [^\n]+$") as caught:
        question(sql, FRAMES)
    assert caught.value.code == "INVALID_SQL"
    assert not re.search("LINE 1", str(caught.value))
