"""Dataframes as Parquet and back, through DuckDB: it is there wherever we are, pyarrow is not.

An index with a name or with more than bare numbers becomes columns, names of columns become texts, and objects that
DuckDB has no type for become their texts.
What was polars comes back as polars where that is installed.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import duckdb


def library_of(value: Any) -> str | None:
    """Return ``pandas`` or ``polars`` for a dataframe of theirs, None for anything else. Imports neither."""
    for name in ("pandas", "polars"):
        library = sys.modules.get(name)
        if library is not None and isinstance(value, library.DataFrame):
            return name
    return None


def to_parquet(frame: Any) -> bytes:
    """Return a dataframe as the bytes of a Parquet file: the same bytes for the same content.

    Raises `ValueError` for one that Parquet cannot hold, such as one without columns.
    """
    if library_of(frame) == "polars":
        written = io.BytesIO()
        frame.write_parquet(written)
        return written.getvalue()
    with tempfile.TemporaryDirectory(prefix="builder-") as folder, duckdb.connect() as connection:
        path = Path(folder) / "frame.parquet"
        try:
            connection.register("frame", plain(frame))
            connection.table("frame").write_parquet(str(path))
        except duckdb.Error as error:
            raise ValueError(str(error)) from error
        return path.read_bytes()


def plain(frame: Any) -> Any:
    """Return a pandas dataframe with different texts for names, and its index as columns if it says something."""
    import pandas as pd

    index = frame.index
    # Bare numbers are what filtering and sorting leave behind; nobody wants them as a column.
    says_something = index.nlevels > 1 or index.name is not None or not pd.api.types.is_integer_dtype(index.dtype)
    frame = frame.reset_index(drop=not says_something)
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        names = [name if names.index(name) == at else f"{name}_{at}" for at, name in enumerate(names)]
    return frame if names == list(frame.columns) else frame.set_axis(names, axis=1)


def from_parquet(content: bytes, library: str = "pandas") -> Any:
    """Return the dataframe that a Parquet file holds."""
    if library == "polars":
        try:
            import polars as pl
        except ModuleNotFoundError:  # written where it was installed, read where it is not
            return from_parquet(content)
        return pl.read_parquet(io.BytesIO(content))
    with tempfile.TemporaryDirectory(prefix="builder-") as folder, duckdb.connect() as connection:
        path = Path(folder) / "frame.parquet"
        path.write_bytes(content)
        return to_pandas(connection.read_parquet(str(path)))


def to_pandas(found: duckdb.DuckDBPyRelation) -> Any:
    """Return a relation; moments come as UTC: DuckDB's own way of giving them a zone needs another package."""
    import pandas as pd

    zoned = [at for at, kind in enumerate(found.types) if str(kind).endswith("TIME ZONE")]
    names = [f"c{at}" for at in range(len(found.columns))]  # those of a query may be there twice
    columns = ", ".join(f"{q} AT TIME ZONE 'UTC' AS {q}" if at in zoned else q for at, q in enumerate(names))
    query = f"SELECT {columns} FROM found AS found({', '.join(names)})"  # noqa: S608 - names and quotes of our own
    frame = cast("duckdb.DuckDBPyRelation", found.query("found", query)).df()
    for at in zoned:
        frame[names[at]] = pd.to_datetime(frame[names[at]]).dt.tz_localize("UTC")
    return frame.set_axis(found.columns, axis=1)
