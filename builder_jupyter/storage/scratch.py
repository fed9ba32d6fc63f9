"""SQL of a person over dataframes, in a database of its own that holds nothing else and reaches nothing else.

It is made for one question, in memory, and thrown away: no files, no network, no extensions, no variables of the
process, and no way to switch any of that on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import duckdb

from builder_jupyter.errors import InvalidInput, NotConfigured
from builder_jupyter.storage.frames import to_pandas

if TYPE_CHECKING:
    import pandas as pd

_CLOSED: dict[str, Any] = {
    "enable_external_access": False,
    "python_enable_replacements": False,
    "temp_directory": "",
    "lock_configuration": True,
}


def question(sql: str, frames: Mapping[str, pd.DataFrame], *, to: str = "pandas") -> Any:
    """Return what one ``select`` over pandas dataframes gives.

    Parameters
    ----------
    frames : by the names under which the SQL knows them; columns of objects are texts.
    to : ``pandas``, ``polars`` or ``arrow``.

    Raises
    ------
    InvalidInput : ``INVALID_SQL``, with the database's own words; ``NOT_A_QUERY`` for anything but one query.
    NotConfigured : ``NO_LIBRARY``: what it is to be is not installed.
    """
    with duckdb.connect(config=_CLOSED) as connection:
        try:
            statements = connection.extract_statements(sql)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise InvalidInput("One query is taken, and nothing that changes anything.", code="NOT_A_QUERY")
            for name, frame in frames.items():
                texts = [column for column, kind in frame.dtypes.items() if str(kind) == "object"]
                connection.register(name, frame.astype(dict.fromkeys(texts, "string")))
            return answer(connection.sql(sql), to)
        except duckdb.Error as error:
            raise InvalidInput(f"The database says: {first_lines(error)}", code="INVALID_SQL") from error


def answer(found: duckdb.DuckDBPyRelation, to: str) -> Any:
    """Return a result. Polars and Arrow take it by the capsule interface: DuckDB's own ways to both need pyarrow."""
    if to == "pandas":
        return to_pandas(found)
    library = {"polars": "polars", "arrow": "pyarrow"}[to]
    try:
        if to == "polars":
            import polars as pl

            return pl.DataFrame(found)
        import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return pa.table(found)
    except ImportError as error:
        raise NotConfigured(
            f"The package {library} is not installed.", code="NO_LIBRARY", hint=f"Run: pip install {library}"
        ) from error


def first_lines(error: duckdb.Error) -> str:
    """Return what the database says up to where it draws the place."""
    return " ".join(str(error).partition("\n\nLINE")[0].split())
