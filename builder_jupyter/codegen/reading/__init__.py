"""LangGraph source -> workflow, read and never run. See docs/codegen.md.

The program is followed on its syntax tree (`program`), the graph that it builds is noted (`drafts`) and drawn as a
workflow (`assemble`). Code that we generated comes back without loss (`own`); of everything else the report says what
was not understood.
"""

from __future__ import annotations

from builder_jupyter.codegen.reading.read import Reading, read_code
from builder_jupyter.codegen.reading.report import Note, as_dicts

__all__ = ["Note", "Reading", "as_dicts", "read_code"]
