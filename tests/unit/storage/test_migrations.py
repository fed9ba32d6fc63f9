"""Old files go on; files from the future are refused; and what the migrations make is what is described."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pytest

from builder_jupyter import cli
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import Unavailable
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.services.runtime import Runtime, Settings
from builder_jupyter.storage import backup, restore
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.schema import migrate, migrations

ME = local_principal("alice")
# What version 0.1 wrote for a finished execution, one that waits for a person, two workflows and a key.
ROWS = json.loads((Path(__file__).parent / "data" / "rows_0001.json").read_text(encoding="utf-8"))
FINISHED, WAITING = "exec_6ed0ee8cc072faf2d471", "exec_7107d592757847cc6227"
KEY = "builder_" + "A" * 43

LOOKS = {
    "columns": "SELECT table_name, column_index, column_name, data_type, is_nullable, column_default "
    "FROM duckdb_columns() WHERE NOT internal ORDER BY ALL",
    "constraints": "SELECT table_name, constraint_type, constraint_column_names FROM duckdb_constraints() ORDER BY ALL",
    "indexes": "SELECT table_name, index_name, is_unique, expressions FROM duckdb_indexes() ORDER BY ALL",
    "views": "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
    "sequences": "SELECT sequence_name, start_value, increment_by FROM duckdb_sequences() ORDER BY ALL",
}


def schema_of(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    return {name: connection.execute(sql).fetchall() for name, sql in LOOKS.items()}


def described() -> dict[str, list[Any]]:
    text = (resources.files("builder_jupyter.storage") / "schema.sql").read_text(encoding="utf-8")
    with duckdb.connect(":memory:") as connection:
        connection.execute(text)
        return schema_of(connection)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with a file as version 0.1 left it."""
    folder = tmp_path / "data"
    folder.mkdir()
    with duckdb.connect(str(folder / "builder.duckdb")) as connection:
        connection.execute("CREATE TABLE schema_migrations (number INTEGER, applied_at TIMESTAMP)")
        connection.execute(migrations()[1])
        connection.execute("INSERT INTO schema_migrations VALUES (1, TIMESTAMP '2026-01-01 00:00:00')")
        for table, rows in ROWS.items():
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    return folder


def make_newer(folder: Path) -> None:
    with duckdb.connect(str(folder / "builder.duckdb")) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, now()::TIMESTAMP)")


def test_all_migrations_make_what_is_described() -> None:
    with duckdb.connect(":memory:") as connection:
        migrate(connection)
        assert schema_of(connection) == described()


def test_an_old_file_becomes_what_is_described_and_loses_nothing(old: Path) -> None:
    with Database(old):
        pass
    with duckdb.connect(str(old / "builder.duckdb"), read_only=True) as connection:
        assert schema_of(connection) == described()
        seen = connection.execute("SELECT number FROM schema_migrations ORDER BY number").fetchall()
        assert seen == [(number,) for number in migrations()]
        for table, rows in ROWS.items():
            assert connection.table(table).count("*").fetchall() == [(len(rows),)], table


def test_everything_in_an_old_file_still_works(old: Path) -> None:
    models = ScriptedModels(ScriptedModel(lambda request: f"About: {request.messages[-1].content}"))
    with Runtime(Settings(old), models=models) as rt:
        ask = rt.portal.wait
        assert rt.resumed == 1
        picture = ask(rt.executions.snapshot(ME, FINISHED))
        texts = {step["stepId"]: step["outputs"].get("text-out", {}).get("value") for step in picture["steps"]}
        assert picture["status"] == "completed"
        assert texts == {"start": None, "agent": "About: my invoice", "sum": "2", "end": "2"}
        assert ask(rt.executions.snapshot(ME, WAITING))["waitingOn"]["stepId"] == "ask"
        assert {row["executionId"] for row in ask(rt.executions.list(ME))} == {FINISHED, WAITING}
        found = {stored.workflow.name: stored for stored in ask(rt.workflows.list(ME))}
        assert {name: stored.version for name, stored in found.items()} == {"Support desk": 2, "Ask": 1}
        assert ask(rt.keys.authenticate(KEY)).name == "alice"
        again = ask(rt.executions.start(ME, found["Support desk"].id, inputs={"message": "x"})).execution_id
        assert ask(rt.executions.wait(ME, again, seconds=30))["status"] == "completed"
        assert ask(rt.executions.cancel(ME, WAITING))["status"] == "cancelled"
    with Runtime(Settings(old), models=models) as rt:
        assert rt.resumed == 0
        assert rt.portal.wait(rt.executions.snapshot(ME, FINISHED)) == picture


def test_numbers_are_given_once_and_without_gaps() -> None:
    folder = resources.files("builder_jupyter.storage") / "migrations"
    files = [file.name for file in folder.iterdir() if file.name.endswith(".sql")]
    assert sorted(int(name.split("_")[0]) for name in files) == list(range(1, len(files) + 1))


def test_a_file_of_a_newer_version_is_refused_and_left_alone(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_newer(old)
    before = (old / "builder.duckdb").read_bytes()
    for _ in range(2):  # the second time shows that the first gave the lock back
        with pytest.raises(Unavailable) as refused:
            Database(old)
        assert refused.value.code == "STORE_TOO_NEW"
        assert str(old) in str(refused.value)
        assert "9999" in str(refused.value)
        assert "Upgrade builder_jupyter" in str(refused.value)
    assert cli.main(["--data-dir", str(old), "keys", "list"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert (old / "builder.duckdb").read_bytes() == before


async def _back_up(folder: Path, target: Path) -> None:
    with Database(folder) as database:
        await backup.back_up(database, target)


async def test_a_backup_of_a_newer_version_is_refused(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_newer(old)
    archive, newer = tmp_path / "newer.tar", dict(migrations()) | {9999: "SELECT 1"}
    with monkeypatch.context() as future:
        future.setattr("builder_jupyter.storage.schema.migrations", lambda: newer)
        await _back_up(old, archive)
    with pytest.raises(Unavailable) as refused:
        restore.restore(tmp_path / "elsewhere", archive)
    assert refused.value.code == "STORE_TOO_NEW"
    assert not (tmp_path / "elsewhere" / "builder.duckdb").exists()
