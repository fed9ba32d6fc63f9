"""DuckDB: the only place with SQL. One process owns the file, one thread writes."""
