"""Use cases: a principal and plain values in, domain values out. Surfaces call these and nothing below."""
