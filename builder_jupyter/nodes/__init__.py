"""Kinds of node, one file each. `BUILT_IN` is the list of them."""
