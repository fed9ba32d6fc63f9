"""The Builder API, and what else the product offers under ``/api/builder``: executions, events, keys, OpenAPI."""
