"""The tools of `gateway` for MCP clients and by plain HTTP."""
