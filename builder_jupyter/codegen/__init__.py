"""Workflow -> LangGraph source. See docs/codegen.md."""
