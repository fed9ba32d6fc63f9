"""The composition root: the only file that knows every concrete class.

A `Runtime` is a thread with its own event loop, the database's writer and the services. There is one in a server, and
one in a kernel or script that has no server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from builder_jupyter.clock import Clock, SystemClock
from builder_jupyter.connectors.kernels import Kernels
from builder_jupyter.connectors.mcp_servers import McpServers
from builder_jupyter.connectors.mcp_settings import read_servers
from builder_jupyter.connectors.media_hub import MediaHub
from builder_jupyter.connectors.media_peers import data_url, fetching
from builder_jupyter.connectors.media_settings import read_defaults, read_providers
from builder_jupyter.connectors.models import ModelHub, WorkspaceModels
from builder_jupyter.connectors.outbound import Outbound
from builder_jupyter.connectors.provider_errors import retry_after_seconds
from builder_jupyter.connectors.tools import Toolbox, built_in_tools, load_search_provider
from builder_jupyter.costs.focus.vendor import read_vendor
from builder_jupyter.costs.prices import read_prices
from builder_jupyter.execution.attempts import World
from builder_jupyter.execution.engine import Engine
from builder_jupyter.execution.executors import HERE
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.identity.jwt_settings import JwtSettings
from builder_jupyter.identity.principal import CredentialKind, Principal
from builder_jupyter.nodes.base import NodeType, Place, StepContext
from builder_jupyter.nodes.chat import ChatModels
from builder_jupyter.nodes.registry import Registry, default_registry
from builder_jupyter.portal import Portal
from builder_jupyter.services.access import AccessService
from builder_jupyter.services.assets import AssetService
from builder_jupyter.services.billing import BillingService
from builder_jupyter.services.callbacks import CallbackService
from builder_jupyter.services.canvases import CanvasService
from builder_jupyter.services.credits import STARTING_GRANT, CreditService
from builder_jupyter.services.executions import ExecutionService
from builder_jupyter.services.generation import GenerationService
from builder_jupyter.services.idempotency import AdmissionService
from builder_jupyter.services.integrations import IntegrationService
from builder_jupyter.services.invites import InviteService
from builder_jupyter.services.keys import KeyService
from builder_jupyter.services.media import MediaService
from builder_jupyter.services.meter import Meter, SilentMeter
from builder_jupyter.services.postings import PostingService
from builder_jupyter.services.providers import ADDRESSES
from builder_jupyter.services.published import PublishedService
from builder_jupyter.services.rates import Mode, RateService
from builder_jupyter.services.results import ResultService
from builder_jupyter.services.seats import Seats
from builder_jupyter.services.tokens import TokenService
from builder_jupyter.services.tools import ToolService
from builder_jupyter.services.upkeep import UpkeepService
from builder_jupyter.services.waitpoints import WaitpointService
from builder_jupyter.services.webhooks import WebhookService
from builder_jupyter.services.workers import Worker, Workers
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.services.workspaces import WorkspaceService
from builder_jupyter.storage.artefacts import ArtefactStore
from builder_jupyter.storage.assets import AssetStore
from builder_jupyter.storage.callbacks import CallbackStore
from builder_jupyter.storage.connections import ConnectionStore
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.encryption import EncryptionKey
from builder_jupyter.storage.focus.export import FocusStore
from builder_jupyter.storage.grants import GrantStore
from builder_jupyter.storage.journal import DuckDBJournal
from builder_jupyter.storage.keys import KeyStore
from builder_jupyter.storage.ledger import LedgerStore
from builder_jupyter.storage.published import PublishedStore
from builder_jupyter.storage.secret import read_or_make
from builder_jupyter.storage.webhooks import WebhookStore
from builder_jupyter.storage.workflows import WorkflowStore
from builder_jupyter.storage.workspaces import WorkspaceStore

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
    encryption_key : what credentials are kept with, see `storage.encryption`; None is a file of the data directory.
    makes_encryption_key : whether that file is made where there is none.
    provider_addresses : where models may be asked with a credential that brings an address.
    credit_grant : credits that the owner's first workspace begins with.
    unlimited_credits : refuse nobody for want of credits; None for a database in memory alone.
    credit_prices : credits by node type, where they differ from the types' own prices.
    billing : what exports of billing say of the vendor, by the names of `costs.focus.vendor.Vendor`.
    outbound_loopback : for tests only: callbacks and webhook nodes may call this machine; see `connectors.outbound`.
    media_providers : by name, how those who make media are reached; see `connectors.media_settings`.
    media_defaults : which of them makes what, where a node names none.
    """

    data_dir: Path | None = None
    default_model: str | None = None
    search_provider: str | None = None
    root_dir: Path | None = None
    limits: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_LIMITS))
    jwt: JwtSettings | None = None
    mcp_servers: Mapping[str, Any] = field(default_factory=dict)
    encryption_key: str | None = field(default=None, repr=False)
    makes_encryption_key: bool = True
    provider_addresses: Sequence[str] = ADDRESSES
    rate_limits: Mode = Mode.AUTO
    rates: Mapping[str, Any] = field(default_factory=dict)
    outbound_loopback: bool = False
    media_providers: Mapping[str, Any] = field(default_factory=dict)
    media_defaults: Mapping[str, str] = field(default_factory=dict)
    credit_grant: int = STARTING_GRANT
    unlimited_credits: bool | None = None
    credit_prices: Mapping[str, Any] = field(default_factory=dict)
    billing: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_unlimited(self) -> bool:
        """Whether nobody is refused for want of credits: as it is said, else where nothing is kept."""
        return self.data_dir is None if self.unlimited_credits is None else self.unlimited_credits


class Runtime:
    """The services, running; `stop` it. ``worker`` is this process as the kernel of all steps that want one.

    Its methods may be called from anywhere; the services' methods only on its loop, through `portal`.
    """

    portal: Portal
    access: AccessService
    workflows: WorkflowService
    canvases: CanvasService
    generation: GenerationService
    executions: ExecutionService
    admissions: AdmissionService
    waitpoints: WaitpointService
    published: PublishedService
    webhooks: WebhookService
    callbacks: CallbackService
    outbound: Outbound
    results: ResultService
    keys: KeyService
    workspaces: WorkspaceService
    invites: InviteService
    integrations: IntegrationService
    tokens: TokenService
    rates: RateService
    upkeep: UpkeepService
    credits: CreditService
    postings: PostingService
    billing: BillingService
    workers: Workers
    artefacts: ArtefactStore
    assets: AssetService
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
        configured, faults = read_servers(settings.mcp_servers)
        for fault in faults:
            notice(fault)
        self._servers = McpServers(configured)
        self._encryption = EncryptionKey(
            settings.data_dir, settings.encryption_key, may_make=settings.makes_encryption_key
        )
        self.registry = (registry or default_registry()).priced(read_prices(settings.credit_prices))
        self.tokens = token_service(settings.jwt, clock)
        self._meter = meter = meter or SilentMeter()
        self.database = Database(settings.data_dir, on_commit=meter.committed)
        self._journal = DuckDBJournal(self.database)
        self.credits = CreditService(
            self._journal, LedgerStore(self.database), clock,
            grant=Decimal(settings.credit_grant), unlimited=settings.is_unlimited,
        )  # fmt: skip
        self.postings = PostingService(self.credits)
        self._key_store, self._connections = KeyStore(self.database), ConnectionStore(self.database)
        self._workspace_store = WorkspaceStore(self.database)
        seats = Seats(self._workspace_store, clock)
        self.keys = KeyService(self._key_store, seats, clock)
        self.integrations = IntegrationService(
            self._connections, seats, self._encryption, clock, addresses=settings.provider_addresses
        )
        self.workspaces = WorkspaceService(
            self._workspace_store, seats, self.keys, clock, on_delete=self.integrations.forget
        )
        self.invites = InviteService(self._workspace_store, seats, clock)
        self.models = models or ModelHub(
            default_model=settings.default_model, notice=notice, credentials=self.integrations
        )
        self.rates = RateService(
            clock, mode=settings.rate_limits, is_shared=lambda: self.tokens.is_configured or self.keys.is_shared,
            changes=settings.rates,
        )  # fmt: skip
        self.access = AccessService(GrantStore(self.database))
        self.artefacts = ArtefactStore(settings.data_dir)
        self.workers = Workers(self.artefacts, Kernels(settings.root_dir), worker)
        self.tools = self._tool_service()
        self.workflows = WorkflowService(
            WorkflowStore(self.database), self.access, self.registry, self.tools.specs, clock
        )
        self.canvases = CanvasService(self.workflows, self.registry)
        self.generation = GenerationService(self.workflows, self.tools)
        self.assets = AssetService(AssetStore(self.database), self.artefacts, self.access, clock)
        self.outbound = Outbound(allow_loopback=settings.outbound_loopback)
        self._media = self._media_service(notice)
        executors = {**HERE, Place.KERNEL: self.workers}
        world = World(
            self.registry, self.models, self.tools, executors, self._equip, http=self.outbound, media=self._media
        )
        self._engine = Engine(
            self._journal, world, clock, ledger=self.credits, limits=settings.limits, on_over=self._on_over
        )
        self.callbacks = CallbackService(
            CallbackStore(self.database), clock, check=self.outbound.check, send=self.outbound.send,
            load=self._engine.load, secret_of=self._signing_secret,
            retry_after=partial(retry_after_seconds, clock=clock),
        )  # fmt: skip
        self.executions = ExecutionService(
            self._engine, self._journal, self.workflows, self.registry, standing=self.callbacks.standing,
            on_start=self._on_start, on_admitted=meter.started,
        )  # fmt: skip
        self.billing = self._billing_service(clock)
        self.admissions = AdmissionService(self.executions, self._journal, clock, self.callbacks.check)
        self._published_store = PublishedStore(self.database)
        self.published = PublishedService(
            self._published_store, self.workflows, self.admissions, self.registry, seats, clock
        )
        self.results = ResultService(self._engine, self.executions, self.workflows)
        self.upkeep = UpkeepService(
            self.database, clock, keep_plans=self._engine.forget_plans, on_purge=self.executions.forget
        )
        self._clock = clock
        self.portal = Portal("builder-runtime")
        try:
            self.resumed = self.portal.wait(self._open())
        except BaseException:
            self.stop()
            raise

    async def _open(self) -> int:
        await self._journal.open()
        await self._workspace_store.open()
        await self.credits.open()
        await self._key_store.open()
        await self._connections.open()
        await self._published_store.open()
        await self.admissions.open()
        self._servers.start()
        secret = read_or_make(self.settings.data_dir)
        self.billing.identify(secret)
        self.waitpoints = WaitpointService(self._engine, self._journal, self.executions, secret)
        self.webhooks = WebhookService(
            WebhookStore(self.database), self.workflows, self.admissions, self._clock,
            self._encryption.get,
        )  # fmt: skip
        resumed = await self.executions.recover()
        await self.callbacks.open()
        return resumed

    async def _signing_secret(self, state: ExecutionState) -> str:
        return await self.webhooks.signing_secret(state)

    async def _equip(self, node_type: NodeType, context: StepContext) -> None:
        """Give a step what depends on whose it is: models with its workspace's credentials, and tools."""
        if isinstance(self.models, WorkspaceModels):
            context.models = self.models.within(context.workspace)
        await self.tools.equip(node_type, context)

    def _on_start(self, execution_id: str, principal: Principal, worker: str | None) -> None:
        self.rates.admit(principal, self.executions.under_way)
        self.workers.started(execution_id, principal, worker)

    def _on_over(self, run: Run) -> None:
        self.executions.on_over(run)
        self.callbacks.on_over(run)
        self._meter.finished(run.state)
        self.workers.over(run.execution_id)
        self._media.over(run)

    def _tool_service(self) -> ToolService:
        named = self.settings.search_provider
        search = load_search_provider(named) if named else None
        return ToolService(Toolbox(built_in_tools(search)), self._servers, self.workers)

    def _billing_service(self, clock: Clock) -> BillingService:
        vendor = read_vendor(self.settings.billing)
        return BillingService(self.credits, self.executions, FocusStore(self.database, vendor), vendor, clock)

    def _media_service(self, notice: Callable[[str], None]) -> MediaService:
        providers, faults = read_providers(self.settings.media_providers)
        defaults, more = read_defaults(self.settings.media_defaults, providers)
        for fault in (*faults, *more):
            notice(fault)
        fetch = fetching(self.outbound)
        return MediaService(
            MediaHub(providers, defaults, fetch, self.integrations.credential), self.assets, fetch, data_url
        )

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
        await self.callbacks.stop()
        await self._media.close()
        await self.tokens.close()
        await self.workers.stop()
        await self._servers.stop()
        await self.executions.settle()
        await self.credits.stop()

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
