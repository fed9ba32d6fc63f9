"""FOCUS files of any vendor as one table in DuckDB, and the questions that are ready to be asked of it."""
