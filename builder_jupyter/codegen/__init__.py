"""Code: a workflow as a LangGraph module, and such a module as a workflow."""
