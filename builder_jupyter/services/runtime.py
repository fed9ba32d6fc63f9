"""The composition root: the only file that knows every concrete class.

A `Runtime` is a thread with its own event loop, the database's writer and the services. There is one in a server, and
one in a kernel or script that has no server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from builder_jupyter.clock import Clock, SystemClock
from builder_jupyter.connectors.models import ModelHub
from builder_jupyter.connectors.tools import Toolbox, built_in_tools, load_search_provider
from builder_jupyter.execution.engine import Engine, World
from builder_jupyter.execution.run import Run
from builder_jupyter.nodes.base import Tools
from builder_jupyter.nodes.chat import ChatModels
from builder_jupyter.nodes.registry import Registry, default_registry
from builder_jupyter.portal import Portal
from builder_jupyter.services.executions import ExecutionService
from builder_jupyter.services.idempotency import AdmissionService
from builder_jupyter.services.keys import KeyService
from builder_jupyter.services.results import ResultService
from builder_jupyter.services.waitpoints import WaitpointService
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.journal import DuckDBJournal
from builder_jupyter.storage.keys import KeyStore
from builder_jupyter.storage.secret import read_or_make
from builder_jupyter.storage.workflows import WorkflowStore

log = logging.getLogger(__name__)


DEFAULT_LIMITS = {"workspace": 256, "provider": 32}


@dataclass(frozen=True)
class Settings:
    """How a runtime is set up.

    Parameters
    ----------
    data_dir : where the database lies; None keeps everything in memory.
    default_model : the model of nodes that name none; None is the local model.
    search_provider : dotted path of the class behind the ``web_search`` tool.
    limits : how many steps may touch the world at a time, by name; see `execution.queue.StepQueue`.
    """

    data_dir: Path | None = None
    default_model: str | None = None
    search_provider: str | None = None
    limits: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_LIMITS))


class Runtime:
    """The services, running. Make it with `start`; `stop` it.

    Its methods may be called from anywhere; the services' methods only on its loop, through `portal`.
    """

    portal: Portal
    workflows: WorkflowService
    executions: ExecutionService
    admissions: AdmissionService
    waitpoints: WaitpointService
    results: ResultService
    keys: KeyService
    registry: Registry
    tools: Tools

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        models: ChatModels | None = None,
        tools: Tools | None = None,
        registry: Registry | None = None,
        notice: Callable[[str], None] = log.warning,
    ) -> None:
        clock = clock or SystemClock()
        self.settings = settings
        search = load_search_provider(settings.search_provider) if settings.search_provider else None
        self.tools = tools or Toolbox(built_in_tools(search))
        self.models = models or ModelHub(default_model=settings.default_model, notice=notice)
        self.registry = registry or default_registry()
        self.database = Database(settings.data_dir)
        self._journal = DuckDBJournal(self.database)
        self._key_store = KeyStore(self.database)
        self.keys = KeyService(self._key_store, clock)
        self.workflows = WorkflowService(WorkflowStore(self.database), self.registry, self.tools, clock)
        world = World(self.registry, self.models, self.tools)
        self._engine = Engine(self._journal, world, clock, limits=settings.limits, on_over=self._on_over)
        self.executions = ExecutionService(self._engine, self._journal, self.workflows, self.registry)
        self.admissions = AdmissionService(self.executions, self._journal, clock)
        self.results = ResultService(self._engine, self.executions, self.workflows)
        self.portal = Portal("builder-runtime")
        try:
            self.resumed = self.portal.wait(self._open())
        except BaseException:
            self.stop()
            raise

    async def _open(self) -> int:
        await self._journal.open()
        await self._key_store.open()
        await self.admissions.open()
        secret = read_or_make(self.settings.data_dir)
        self.waitpoints = WaitpointService(self._engine, self._journal, self.executions, secret)
        return await self.executions.recover()

    def _on_over(self, run: Run) -> None:
        self.executions.on_over(run)

    @property
    def failure(self) -> str | None:
        """Why the store takes no more writes; None while it does."""
        return self.database.failure

    def stop(self) -> None:
        """Stop running attempts, write what is queued, close the file. Unfinished executions resume next time."""
        if self.portal.is_open:
            self.portal.wait(self._close())
            self.portal.close()
        self.database.close()

    async def _close(self) -> None:
        await self._engine.stop()
        await self.executions.settle()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
