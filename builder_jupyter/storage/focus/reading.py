"""FOCUS files of any vendor and version as one relation with the columns, types and words of the specification.

Costs of files that say them exactly stay exact. What a file has as numbers keeps its type, since a cast would cost more
than the query.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from builder_jupyter.costs.focus.columns import Column, DataType, all_columns
from builder_jupyter.storage.focus.places import Files, Kind

EMPTY = ("", "NULL")
"""What stands for an empty cell in CSV; vendors write the word."""

TYPES = {
    DataType.STRING: "VARCHAR",
    DataType.DECIMAL: "DECIMAL(38, 15)",
    DataType.DATETIME: "TIMESTAMP",
    DataType.JSON: "JSON",
}
STOOD_IN = {
    "ServiceProviderName": ("ProviderName",),
    "ProviderName": ("ServiceProviderName",),
}
"""What a column that a file lacks takes its values from, the first that is there."""

Types = Mapping[str, str]


def raw(connection: duckdb.DuckDBPyConnection, files: Files) -> duckdb.DuckDBPyRelation:
    """Return the files as they are; texts are left as texts. Raises `duckdb.Error`."""
    paths = list(files.paths)
    match files.kind:
        case Kind.PARQUET:
            return connection.read_parquet(paths, union_by_name=True, hive_partitioning=files.has_periods)
        case Kind.CSV:
            query = (
                "SELECT * FROM read_csv($paths, all_varchar = true, header = true, union_by_name = true,"
                " nullstr = $empty, hive_partitioning = $periods, hive_types_autocast = false)"
            )
            given = {"paths": paths, "empty": list(EMPTY), "periods": files.has_periods}
            return connection.sql(query, params=given)
        case Kind.JSON_LINES:
            found = connection.sql(
                "SELECT * FROM read_json($paths, format = 'newline_delimited', union_by_name = true)",
                params={"paths": paths},
            )
            texts = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in found.columns)
            # Numbers go through DuckDB's JSON reader as doubles: 15 digits are kept.
            query = f"SELECT * FROM read_json($paths, format = 'newline_delimited', columns = {{{texts}}})"  # noqa: S608
            return connection.sql(query, params={"paths": paths})


def types_of(relation: duckdb.DuckDBPyRelation) -> dict[str, str]:
    """Return the columns of a relation with their types."""
    return {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}


def select_list(types: Types) -> str:
    """Return the expressions that make FOCUS of a file's columns: every column that a version has, then the others."""
    by_lower = {name.lower(): name for name in types}
    known = {column.name.lower() for column in all_columns()}
    parts = []
    for column in all_columns():
        here = by_lower.get(column.name.lower())
        if here is not None:
            parts.append(f"{expression(column, here, types[here])} AS {column.name}")
        elif not column.is_custom:
            parts.append(f"{_stand_in(column, by_lower, types)} AS {column.name}")
    parts += [_name(name) for lower, name in by_lower.items() if lower not in known]
    return ", ".join(parts)


def has_gaps(types: Types) -> str:
    """Return a query's columns, two for each column whose texts have to be read: how many of them cannot be, and one.

    ``""`` when there is none: what is typed already is read.
    """
    by_lower = {name.lower(): name for name in types}
    parts = []
    for column in all_columns():
        here = by_lower.get(column.name.lower())
        if here is None or types[here] != "VARCHAR" or column.type is DataType.STRING:
            continue
        lost = f"{_name(here)} IS NOT NULL AND ({expression(column, here, types[here])}) IS NULL"
        parts.append(f"count(*) FILTER ({lost}) AS {column.name}")
        parts.append(f"any_value({_name(here)}) FILTER ({lost}) AS {_name(column.name + ' sample')}")
    return ", ".join(parts)


def expression(column: Column, name: str, kind: str) -> str:
    """Return what reads a file's column as one of FOCUS."""
    here = _name(name)
    match column.type:
        case DataType.DECIMAL:
            return f"TRY_CAST({here} AS {TYPES[column.type]})" if kind == "VARCHAR" else here
        case DataType.DATETIME:
            return _moment(here, kind)
        case DataType.JSON:
            return _object(here, kind)
        case DataType.STRING:
            text = here if kind == "VARCHAR" else f"CAST({here} AS VARCHAR)"
            # Some write "Usage-based".
            return f"replace({text}, 'based', 'Based')" if column.name == "ChargeFrequency" else text


def _moment(here: str, kind: str) -> str:
    match kind:
        case "VARCHAR":  # texts without a zone are UTC: the connection's zone is
            return f"TRY_CAST({here} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
        case "TIMESTAMP WITH TIME ZONE":
            return f"make_timestamp(epoch_us({here}))"  # AT TIME ZONE asks ICU for each row, 18 times as long
        case "TIMESTAMP":
            return here
        case _:
            return f"CAST({here} AS TIMESTAMP)"


def _object(here: str, kind: str) -> str:
    if kind == "JSON":
        return here
    if kind != "VARCHAR":  # a map in AWS's Parquet, a struct elsewhere
        return f"CASE WHEN {here} IS NOT NULL THEN to_json({here}) END"
    bare = f"CASE WHEN trim({here}) LIKE '{{%' THEN {here} ELSE '{{' || {here} || '}}' END"  # Azure may omit them
    return f"TRY_CAST({bare} AS JSON)"


def _stand_in(column: Column, by_lower: Mapping[str, str], types: Types) -> str:
    for other in STOOD_IN.get(column.name, ()):
        if other.lower() in by_lower:
            here = by_lower[other.lower()]
            return expression(column, here, types[here])
    return f"CAST(NULL AS {TYPES[column.type]})"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
