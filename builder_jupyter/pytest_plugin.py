"""Fixtures for testing what is built on this package: a runtime whose models say what they are told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from builder_jupyter.connectors.fakes import Script
    from builder_jupyter.services.runtime import Runtime


@pytest.fixture
def builder_runtime() -> Iterator[Callable[..., Runtime]]:
    """Return a function that starts a `Runtime` whose one model follows a script; all are stopped at the end.

    Arguments besides ``script`` are those of `services.runtime.Settings`; nothing is written to disk by default.
    """
    from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
    from builder_jupyter.services.runtime import Runtime, Settings

    started: list[Runtime] = []

    def start(script: Script = lambda request: f"About: {request.messages[-1].content}", **settings: Any) -> Runtime:
        runtime = Runtime(Settings(**settings), models=ScriptedModels(ScriptedModel(script)))
        started.append(runtime)
        return runtime

    yield start
    for runtime in started:
        runtime.stop()
