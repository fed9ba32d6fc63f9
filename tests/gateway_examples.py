"""One call of every tool of the gateway, in an order in which each succeeds; ``$names`` stand for what calls made.

Another tool is another line here: tests over the whole table fail without it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Do = Callable[[str, dict[str, Any]], Awaitable[Any]]

ON = {"canvasId": "$canvas"}
GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""One transparent pixel."""
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("create_canvas", {"name": "Tea"}),
    ("list_canvases", {"includeArchived": True}),
    ("rename_canvas", {**ON, "name": "Green tea"}),
    ("add_node", {**ON, "type": "prompt-trigger", "nodeId": "topic", "data": {"inputKey": "topic"}, "x": 0, "y": 0}),
    ("add_node", {**ON, "type": "text-gen", "nodeId": "writer", "x": 400.5, "y": 0, "width": 200, "height": 80}),
    ("add_node", {**ON, "type": "prompt", "data": {"prompt": "p"}}),
    ("list_node_defaults", {"type": "text-gen"}),
    ("list_node_ports", {**ON, "nodeId": "writer"}),
    ("list_compatible_ports", {**ON, "nodeId": "topic", "port": "text-out"}),
    ("validate_connection", {**ON, "sourceNodeId": "topic", "targetNodeId": "writer"}),
    ("add_edge", {**ON, "sourceNodeId": "topic", "targetNodeId": "writer"}),
    ("add_edge", {**ON, "sourceNodeId": "prompt-1", "targetNodeId": "writer"}),
    ("delete_edge", {**ON, "edgeId": "edge-2"}),
    ("delete_node", {**ON, "nodeId": "prompt-1"}),
    ("update_node_data", {**ON, "nodeId": "writer", "data": {"temperature": 0.5}}),
    ("move_node", {**ON, "nodeId": "writer", "x": 300, "y": 20}),
    ("resize_node", {**ON, "nodeId": "writer", "width": 220, "height": 90}),
    ("create_artboard", {**ON, "x": 0, "y": 900, "width": 100, "height": 100}),
    ("create_frame", {**ON, "name": "Frame", "x": 300, "y": 0, "width": 600, "height": 400}),
    ("add_node_to_frame", {**ON, "frameId": "frame-1", "nodeId": "writer"}),
    ("move_node_within_frame", {**ON, "frameId": "frame-1", "nodeId": "writer", "x": 100, "y": 100}),
    ("move_frame_with_children", {**ON, "frameId": "frame-1", "x": 400, "y": 50}),
    ("set_node_parent", {**ON, "nodeId": "writer", "parentId": None}),
    ("layout_nodes", {**ON, "direction": "down", "spacing": 80}),
    ("get_node_info", {**ON, "nodeId": "writer"}),
    ("get_layer_summary", ON),
    ("get_visual_tree_summary", {**ON, "maxDepth": 2}),
    ("get_computed_visuals", {**ON, "nodeIds": ["writer"]}),
    ("fit_viewport", {**ON, "padding": 10}),
    ("get_canvas_state", ON),
    ("validate_workflow", ON),
    ("trigger_workflow", {**ON, "triggerNodeId": "topic", "inputs": {"topic": "tea"}, "sync": True}),
    ("get_execution_status", {"executionId": "$execution"}),
    ("get_execution_outputs", {"executionId": "$execution", "stepId": "writer"}),
    ("replay_execution", {"executionId": "$execution", "fromStepId": "writer"}),
    ("cancel_execution", {"executionId": "$execution"}),
    ("list_executions", {**ON, "status": "completed", "limit": 1}),
    ("add_node", {**ON, "type": "webhook-trigger", "nodeId": "hook"}),
    ("register_webhook", {**ON, "triggerNodeId": "hook"}),
    ("list_webhooks", ON),
    ("revoke_webhook", {**ON, "triggerNodeId": "hook"}),
    ("add_node", {**ON, "type": "document", "nodeId": "brief"}),
    ("write_document_node", {**ON, "nodeId": "brief", "content": "Write about tea."}),
    ("read_document_node", {**ON, "nodeId": "brief"}),
    ("upload_asset", {**ON, "fileName": "dot.gif", "mimeType": "image/gif", "base64": GIF}),
    ("list_assets", ON),
    ("get_asset", {"assetId": "$asset"}),
    ("delete_asset", {"assetId": "$asset", "confirm": True}),
    ("get_credit_balance", {}),
    ("list_credit_transactions", {"limit": 1}),
    ("get_billing_summary", {}),
    ("export_focus_usage", {"from": "2026-01-01", "to": "2026-02-01", "format": "csv"}),
    ("upsert_integration", {"provider": "openai", "displayName": "Ours", "credentialPayload": {"apiKey": "sk-test"}}),
    ("list_integrations", {}),
    ("revoke_integration", {"connectionId": "$connection"}),
    ("list_workspaces", {}),
    ("list_members", {}),
    ("rename_workspace", {"name": "Renamed"}),
    ("set_member", {"member": "bob", "role": "viewer"}),
    ("remove_member", {"member": "bob"}),
    ("create_api_key", {"name": "made"}),
    ("list_api_keys", {}),
    ("revoke_api_key", {"keyId": "$key"}),
    ("archive_canvas", ON),
    ("restore_canvas", ON),
    ("delete_canvas", {**ON, "confirm": True}),
]
"""The calls; where a tool comes several times the last one is its example."""

FOUND = {
    "create_canvas": ("canvas", "id"),
    "trigger_workflow": ("execution", "executionId"),
    "upload_asset": ("asset", "id"),
    "upsert_integration": ("connection", "connectionId"),
    "create_api_key": ("key", "keyId"),
}
"""What later calls name: under which name, and which field of the result it is."""


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """Return arguments with what ``$names`` stand for."""
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    return names.get(value[1:], value) if isinstance(value, str) and value.startswith("$") else value


async def walk(do: Do, until: str | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """Make the calls, those before ``until``; return the last result of each tool, and the names that were found."""
    results: dict[str, Any] = {}
    names: dict[str, str] = {}
    for tool, arguments in CALLS:
        if tool == until:
            break
        results[tool] = await do(tool, filled(arguments, names))
        if tool in FOUND:
            name, field = FOUND[tool]
            names[name] = results[tool][field]
    return results, names


VARYING = re.compile(r"\b(wf|exec|key|builder|wp|asset|conn|le|whsec|inv|ws)_[A-Za-z0-9_-]{8,}")
MOMENTS = {"updatedAt", "createdAt", "startedAt", "finishedAt", "lastUsedAt", "expiresAt", "revokedAt"}
MOMENTS |= {"created_at", "added_at", "expires_at"}  # of workspaces, members and invites


def steady(value: Any) -> Any:
    """Return a result without what differs from one call to the next: ids and moments."""
    if isinstance(value, dict):
        return {key: bool(item) if key in MOMENTS else steady(item) for key, item in value.items()}
    if isinstance(value, list):
        return [steady(item) for item in value]
    return VARYING.sub(r"\1_…", value) if isinstance(value, str) else value
