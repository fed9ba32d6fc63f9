"""Tools for other programs: what can be done here, as a table that every protocol serves."""
