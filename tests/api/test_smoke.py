"""The first contact."""

from typing import Any


async def test_health_needs_no_credential(call: Any, extension: Any) -> None:
    answer = await call("GET", "/api/builder/health")
    assert answer.status == 200
    assert answer.json == {"status": "healthy", "version": "1.0.0"}
