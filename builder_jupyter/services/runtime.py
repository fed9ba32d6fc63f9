"""The composition root: the only file that knows every concrete class.

A `Runtime` is a thread with its own event loop, the database's writer and the services. There is one in a server, and
one in a kernel or script that has no server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from builder_jupyter.clock import Clock, SystemClock
from builder_jupyter.connectors.kernels import Kernels
from builder_jupyter.connectors.mcp_servers import McpServers
from builder_jupyter.connectors.mcp_settings import read_servers
from builder_jupyter.connectors.models import ModelHub
from builder_jupyter.connectors.tools import Toolbox, built_in_tools, load_search_provider
from builder_jupyter.execution.attempts import World
from builder_jupyter.execution.engine import Engine
from builder_jupyter.execution.executors import HERE
from builder_jupyter.execution.run import Run
from builder_jupyter.identity.jwt_settings import JwtSettings
from builder_jupyter.identity.principal import CredentialKind, Principal
from builder_jupyter.nodes.base import Place
from builder_jupyter.nodes.chat import ChatModels
from builder_jupyter.nodes.registry import Registry, default_registry
from builder_jupyter.portal import Portal
from builder_jupyter.services.access import AccessService
from builder_jupyter.services.executions import ExecutionService
from builder_jupyter.services.generation import GenerationService
from builder_jupyter.services.idempotency import AdmissionService
from builder_jupyter.services.keys import KeyService
from builder_jupyter.services.meter import Meter, SilentMeter
from builder_jupyter.services.rates import Mode, RateService
from builder_jupyter.services.results import ResultService
from builder_jupyter.services.tokens import TokenService
from builder_jupyter.services.tools import ToolService
from builder_jupyter.services.upkeep import UpkeepService
from builder_jupyter.services.waitpoints import WaitpointService
from builder_jupyter.services.workers import Worker, Workers
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.storage.artefacts import ArtefactStore
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.grants import GrantStore
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
    root_dir : where fresh kernels begin; the working directory when None.
    jwt : how JSON Web Tokens are checked; None when none is accepted.
    rate_limits : for whom requests are counted, and ``rates`` what they may; see `services.rates`.
    mcp_servers : by name, how the MCP servers whose tools are on offer are reached; see `connectors.mcp_settings`.
    """

    data_dir: Path | None = None
    default_model: str | None = None
    search_provider: str | None = None
    root_dir: Path | None = None
    limits: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_LIMITS))
    jwt: JwtSettings | None = None
    mcp_servers: Mapping[str, Any] = field(default_factory=dict)
    rate_limits: Mode = Mode.AUTO
    rates: Mapping[str, Any] = field(default_factory=dict)


class Runtime:
    """The services, running; `stop` it. ``worker`` is this process as the kernel of all steps that want one.

    Its methods may be called from anywhere; the services' methods only on its loop, through `portal`.
    """

    portal: Portal
    access: AccessService
    workflows: WorkflowService
    generation: GenerationService
    executions: ExecutionService
    admissions: AdmissionService
    waitpoints: WaitpointService
    results: ResultService
    keys: KeyService
    tokens: TokenService
    rates: RateService
    upkeep: UpkeepService
    workers: Workers
    artefacts: ArtefactStore
    registry: Registry
    tools: ToolService

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        models: ChatModels | None = None,
        registry: Registry | None = None,
        worker: Worker | None = None,
        notice: Callable[[str], None] = log.warning,
        meter: Meter | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.settings = settings
        search = load_search_provider(settings.search_provider) if settings.search_provider else None
        configured, faults = read_servers(settings.mcp_servers)
        for fault in faults:
            notice(fault)
        self._servers = McpServers(configured)
        self.models = models or ModelHub(default_model=settings.default_model, notice=notice)
        self.registry = registry or default_registry()
        self.tokens = token_service(settings.jwt, clock)
        self._meter = meter = meter or SilentMeter()
        self.database = Database(settings.data_dir, on_commit=meter.committed)
        self._journal = DuckDBJournal(self.database)
        self._key_store = KeyStore(self.database)
        self.keys = KeyService(self._key_store, clock)
        self.rates = RateService(
            clock, mode=settings.rate_limits, is_shared=lambda: self.tokens.is_configured or self.keys.is_shared,
            changes=settings.rates,
        )  # fmt: skip
        self.access = AccessService(GrantStore(self.database))
        self.artefacts = ArtefactStore(settings.data_dir)
        self.workers = Workers(self.artefacts, Kernels(settings.root_dir), worker)
        self.tools = ToolService(Toolbox(built_in_tools(search)), self._servers, self.workers)
        self.workflows = WorkflowService(
            WorkflowStore(self.database), self.access, self.registry, self.tools.specs, clock
        )
        self.generation = GenerationService(self.workflows, self.tools)
        executors = {**HERE, Place.KERNEL: self.workers}
        world = World(self.registry, self.models, self.tools, executors, self.tools.equip)
        self._engine = Engine(self._journal, world, clock, limits=settings.limits, on_over=self._on_over)
        self.executions = ExecutionService(
            self._engine, self._journal, self.workflows, self.registry,
            on_start=self._on_start, on_admitted=meter.started,
        )  # fmt: skip
        self.admissions = AdmissionService(self.executions, self._journal, clock)
        self.results = ResultService(self._engine, self.executions, self.workflows)
        self.upkeep = UpkeepService(
            self.database, clock, keep_plans=self._engine.forget_plans, on_purge=self.executions.forget
        )
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
        self._servers.start()
        secret = read_or_make(self.settings.data_dir)
        self.waitpoints = WaitpointService(self._engine, self._journal, self.executions, secret)
        return await self.executions.recover()

    def _on_start(self, execution_id: str, principal: Principal, worker: str | None) -> None:
        self.rates.admit(principal, self.executions.under_way)
        self.workers.started(execution_id, principal, worker)

    def _on_over(self, run: Run) -> None:
        self.executions.on_over(run)
        self._meter.finished(run.state)
        self.workers.over(run.execution_id)

    @property
    def failure(self) -> str | None:
        """Why the store takes no more writes; None while it does."""
        return self.database.failure

    def status(self, principal: Principal) -> dict[str, Any]:
        """Return how it goes, as ``GET /api/builder/status`` answers.

        Where the database lies, and what its failure says of it, is for the machine's user and not for keys and tokens.
        """
        is_owner = principal.credential in {CredentialKind.JUPYTER, CredentialKind.LOCAL}
        failure = self.failure
        return {
            "version": version("builder_jupyter"),
            "resumed": self.resumed,
            **self.executions.counts(principal.workspace),
            "failure": failure if is_owner or failure is None else "The workflow database no longer takes writes.",
            "dataDir": str(self.settings.data_dir) if is_owner and self.settings.data_dir is not None else None,
        }

    def stop(self) -> None:
        """Stop running attempts, write what is queued, close the file. Unfinished executions resume next time."""
        if self.portal.is_open:
            self.portal.wait(self._close())
            self.portal.close()
        self.database.close()
        self.artefacts.close()

    async def _close(self) -> None:
        await self._engine.stop()
        await self.tokens.close()
        await self.workers.stop()
        await self._servers.stop()
        await self.executions.settle()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def token_service(settings: JwtSettings | None, clock: Clock) -> TokenService:
    """Return what recognises tokens. Raises `NotConfigured` (``JWT_SETTINGS``) when the keys cannot be used."""
    if settings is None:
        return TokenService(None)
    # The cryptography is loaded only where it is needed.
    from builder_jupyter.connectors.jwks import keys_at, keys_of_file
    from builder_jupyter.identity.jwt import JwtVerifier

    if settings.jwks_url is not None:
        return TokenService(JwtVerifier(settings, clock, keys_at(settings.jwks_url, clock)))
    if settings.jwks_file is not None:
        return TokenService(JwtVerifier(settings, clock, keys_of_file(settings.jwks_file, clock)))
    return TokenService(JwtVerifier(settings, clock, None))
