"""Prefixed random identifiers. One place, so that a reader of a log knows what an id names."""

from __future__ import annotations

import hashlib
import secrets


def workflow_id() -> str:
    """Return a new workflow id: ``wf_`` and 12 lower-case hex digits. Source: seed "Builder API"."""
    return f"wf_{secrets.token_hex(6)}"


def execution_id() -> str:
    """Return a new execution id: ``exec_`` and 20 hex digits. Source: spec builder-studio §1."""
    return f"exec_{secrets.token_hex(10)}"


def key_id() -> str:
    """Return a new API key id (the name of a key, not the key itself)."""
    return f"key_{secrets.token_hex(6)}"


def workspace_id() -> str:
    """Return a new workspace id: ``ws_`` and 12 hex digits."""
    return f"ws_{secrets.token_hex(6)}"


def invite_id() -> str:
    """Return a new id of an invite: ``inv_`` and 16 hex digits."""
    return f"inv_{secrets.token_hex(8)}"


def connection_id() -> str:
    """Return a new id of a provider's connection: ``conn_`` and 12 hex digits."""
    return f"conn_{secrets.token_hex(6)}"


def server_id() -> str:
    """Return a new id of a published MCP server."""
    return f"mcp_{secrets.token_hex(6)}"


def incident_id() -> str:
    """Return a new id under which an unforeseen error is logged, and by which its answer names it."""
    return secrets.token_hex(6)


def child_execution_id(parent: str, step: str, visit: int, failures: int, index: int) -> str:
    """Return the id of a child execution: the same for the same place below its parent."""
    place = "\0".join([parent, step, str(visit), str(failures), str(index)])
    return f"exec_{hashlib.sha256(place.encode()).hexdigest()[:20]}"


def ledger_entry_id(subject: str, seq: int, part: int) -> str:
    """Return the id of an entry of the ledger: the same for the same place in the journal."""
    place = "\0".join([subject, str(seq), str(part)])
    return f"le_{hashlib.sha256(place.encode()).hexdigest()[:20]}"


def delivery_id(execution: str) -> str:
    """Return the id under which an execution's outcome is sent: the same however often, and after a restart."""
    return f"dlv_{hashlib.sha256(execution.encode()).hexdigest()[:20]}"


def waitpoint_id() -> str:
    """Return a new waitpoint id."""
    return f"wp_{secrets.token_hex(8)}"


def asset_id() -> str:
    """Return a new asset id. Shorter than a content hash, so that no purge takes it for one."""
    return f"asset_{secrets.token_hex(10)}"


def made_asset_id(workspace: str, key: str, sha256: str) -> str:
    """Return the id of an asset that a step made: the same for the same content from the same visit."""
    place = f"{workspace}\0{key}\0{sha256}"
    return f"asset_{hashlib.sha256(place.encode()).hexdigest()[:20]}"
