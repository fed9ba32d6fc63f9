"""The schema of a database file, and how an older one gets there."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

import duckdb

from builder_jupyter.errors import Unavailable


def migrate(connection: duckdb.DuckDBPyConnection, path: Path | None = None) -> None:
    """Bring the schema up to date: run each numbered migration that the file has not seen, in one transaction.

    Raises `Unavailable` (``STORE_TOO_NEW``) for a file that has seen migrations which this version does not know.
    """
    connection.begin()
    connection.execute("CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER, applied_at TIMESTAMP)")
    seen = check_known(connection, path)
    for number, script in migrations().items():
        if number not in seen:
            connection.execute(script)
            connection.execute("INSERT INTO schema_migrations VALUES (?, now()::TIMESTAMP)", [number])
    connection.commit()


@cache
def migrations() -> dict[int, str]:
    """Return the migrations that this version knows, by number, in order."""
    folder = resources.files(__package__) / "migrations"
    scripts = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return {int(script.name.split("_")[0]): script.read_text(encoding="utf-8") for script in scripts}


def check_known(connection: duckdb.DuckDBPyConnection, path: Path | None = None) -> set[int]:
    """Return the numbers of the migrations that a file has seen. Raises `Unavailable` (``STORE_TOO_NEW``)."""
    seen = {row[0] for row in connection.execute("SELECT number FROM schema_migrations").fetchall()}
    unknown = seen - set(migrations())
    if unknown:
        raise Unavailable(
            f"The workflow database{f' {path}' if path else ''} was written by a newer version of builder_jupyter "
            f"(migration {max(unknown)}).",
            code="STORE_TOO_NEW",
            hint="Upgrade builder_jupyter, restore a backup made before, or choose another BuilderApp.data_dir.",
        )
    return seen
