"""The Jupyter server extension: settings, the route table, and the life of the runtime."""

from __future__ import annotations

import gc
import getpass
import hmac
import logging
import os
import re
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider, User
from jupyter_server.extension.application import ExtensionApp
from pydantic import BaseModel
from tornado import web
from tornado.ioloop import PeriodicCallback
from tornado.log import LogFormatter
from traitlets import Bool, Dict, Enum, Int, List, Unicode, observe

from builder_jupyter.errors import Unavailable
from builder_jupyter.identity.jwt_settings import (
    MAX_LEEWAY_SECONDS,
    MIN_SECRET_BYTES,
    PUBLIC_KEY_ALGORITHMS,
    SECRET_VARIABLE,
    JwtSettings,
    jwt_settings,
)
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.logs import LOGGER, JsonFormatter, NamedFields
from builder_jupyter.places import default_data_dir
from builder_jupyter.rest import stream, worker
from builder_jupyter.rest.builder import (
    answers,
    artefacts,
    budgets,
    catalogue,
    editing,
    estimates,
    executions,
    generation,
    grants,
    importing,
    keys,
    page,
    tools,
    upkeep,
    versions,
    waitpoints,
    workflows,
)
from builder_jupyter.rest.direct import billing, execute, focus
from builder_jupyter.rest.direct import handlers as direct
from builder_jupyter.rest.handler import BuilderFamily, BuilderHandler
from builder_jupyter.rest.metrics import meter
from builder_jupyter.rest.openapi import document
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.services.credits import STARTING_GRANT
from builder_jupyter.services.rates import Bucket, Mode
from builder_jupyter.services.runtime import DEFAULT_LIMITS, Runtime, Settings

ACTIVITY_SECONDS = 10

ROUTES: tuple[Any, ...] = (
    *workflows.HANDLERS,
    *versions.HANDLERS,
    *catalogue.HANDLERS,
    *editing.HANDLERS,
    *grants.HANDLERS,
    *importing.HANDLERS,
    *generation.HANDLERS,
    *estimates.HANDLERS,
    *executions.HANDLERS,
    stream.ExecutionEvents,
    stream.ExecutionSocket,
    *artefacts.HANDLERS,
    worker.WorkerSocket,
    *waitpoints.HANDLERS,
    answers.AnswerHandler,
    *keys.HANDLERS,
    *tools.HANDLERS,
    *upkeep.HANDLERS,
    *page.HANDLERS,
    *budgets.HANDLERS,
    *direct.HANDLERS,
    *billing.HANDLERS,
    *focus.HANDLERS,
    *execute.HANDLERS,
)


class About(BaseModel):
    """What this is. ``features``: the resources that the API has, each a path below ``/api/builder``."""

    name: str
    version: str
    features: list[str]


class AboutHandler(BuilderFamily):
    """The API itself."""

    path = "/api/builder"

    @route(Scope.READ_CANVASES, answer=About)
    async def get(self) -> None:
        """Say what this API has."""
        resources = {handler.path.split("/")[3] for handler in ROUTES if handler.path.startswith("/api/builder/")}
        self.answer({"name": "builder_jupyter", "version": workflows.API_VERSION, "features": sorted(resources)})


class OpenAPIHandler(BuilderFamily):
    """The document of all routes."""

    path = "/api/builder/openapi.json"

    @route(access=Access.PUBLIC)
    async def get(self) -> None:
        """Return the OpenAPI document of this server's routes."""
        self.answer(document(HANDLERS, version=workflows.API_VERSION, server_url=self.settings["base_url"]))


HANDLERS = (*ROUTES, AboutHandler, OpenAPIHandler)


class NoSuchRoute(BuilderFamily):
    """Whatever else is asked for under ``/api/builder``: our error shape, not Jupyter's page."""

    async def prepare(self, **kwargs: Any) -> None:
        """Answer 404 whoever asks."""
        del kwargs
        raise web.HTTPError(404)


class NoSuchDirectRoute(BuilderHandler):
    """Whatever else is asked for under ``/api/execute``."""

    async def prepare(self, **kwargs: Any) -> None:
        """Answer 404 whoever asks."""
        del kwargs
        raise web.HTTPError(404)


class ServerFormatter(NamedFields, LogFormatter):
    """Jupyter's own lines, with the ids of the execution and the step that a record is about."""


class BuilderApp(ExtensionApp):
    """Agent workflows on a Jupyter server."""

    name = "builder_jupyter"
    load_other_extensions = True
    _log_formatter_cls = ServerFormatter

    data_dir = Unicode(
        "",
        help="Where the database lies. Default: a folder for the server's root directory in Jupyter's data directory. "
        "Not inside the root directory: the file browser could open it there.",
    ).tag(config=True)
    default_model = Unicode(
        "", help="The model of nodes that name none, e.g. 'openai:gpt-5-mini'. Default: the local model."
    ).tag(config=True)
    search_provider = Unicode(
        "", help="Dotted path of the class behind the web_search tool. Default: none; the tool says so."
    ).tag(config=True)
    mcp_servers = Dict(
        key_trait=Unicode(),
        value_trait=Dict(),
        help="MCP servers whose tools and resources workflows may use, by name: {'url', 'headers'?, 'timeout'?} over "
        "Streamable HTTP, or {'command', 'args'?, 'env'?, 'timeout'?} for a program that is started. '${NAME}' in a "
        "header or in env stands for an environment variable of the server.",
    ).tag(config=True)
    limits = Dict(
        value_trait=Int(min=1),
        key_trait=Unicode(),
        help="How many steps may touch the world at a time: {'workspace': 256, 'provider': 32} for each workspace and "
        "model provider, and others by name, e.g. {'provider:openai': 8, 'model:openai:gpt-5': 2}.",
    ).tag(config=True)
    rate_limits = Enum(
        [str(mode) for mode in Mode],
        str(Mode.AUTO),
        help="Whose requests are counted: 'auto' those with keys and tokens, on a server with keys of several "
        "workspaces or with JSON Web Tokens; 'on' everybody's; 'off' nobody's.",
    ).tag(config=True)
    rates = Dict(
        key_trait=Unicode(),
        value_trait=Dict(),
        help="Rate limits in place of the usual ones, by bucket, e.g. {'run': {'burst': 20, 'per_minute': 60}, "
        f"'active': {{'burst': 10}}}}. Buckets: {', '.join(Bucket)}.",
    ).tag(config=True)
    jwt_issuer = Unicode(
        "", help="What the claim 'iss' of a JSON Web Token must be, e.g. 'https://host/realms/my-realm'."
    ).tag(config=True)
    jwt_audience = Unicode(
        "",
        help="What the claim 'aud' of a JSON Web Token must be or hold. An issuer signs for other applications with "
        "the same keys: without this, their tokens are good here.",
    ).tag(config=True)
    jwt_jwks_url = Unicode(
        "",
        help="Where the issuer's public keys are, e.g. 'https://host/realms/my-realm/protocol/openid-connect/certs'.",
    ).tag(config=True)
    jwt_jwks_file = Unicode("", help="A file with the issuer's public keys, a JSON Web Key Set.").tag(config=True)
    jwt_secret = Unicode(
        "",
        help="For development, in place of public keys: the secret of tokens signed with HS256, "
        f"{MIN_SECRET_BYTES} bytes or more. Better in the environment, as {SECRET_VARIABLE}.",
    ).tag(config=True)
    jwt_algorithms = List(
        Unicode(),
        help="Which algorithms may have signed a token. Default: with public keys all of "
        f"{', '.join(PUBLIC_KEY_ALGORITHMS)}; with a secret HS256.",
    ).tag(config=True)
    jwt_leeway_seconds = Int(
        MAX_LEEWAY_SECONDS, help=f"How far the issuer's clock may be off, at most {MAX_LEEWAY_SECONDS}."
    ).tag(config=True)
    credit_grant = Int(
        STARTING_GRANT, min=0, help="Credits that the owner's first workspace begins with, at its first use."
    ).tag(config=True)
    unlimited_credits = Bool(
        default_value=False, help="Refuse no run for want of credits: what is missing is granted when it is needed."
    ).tag(config=True)
    credit_prices = Dict(
        key_trait=Unicode(),
        help="Credits of a visit by node type where they are to differ from the published ones: {'agent': 2}.",
    ).tag(config=True)
    billing = Dict(
        key_trait=Unicode(),
        help="What exports of billing say: name (of the vendor), list_price (of a credit), currency, credit_currency, "
        "account_name.",
    ).tag(config=True)
    log_json = Bool(
        default_value=False,
        help="Write what this extension logs as one JSON object a line: time, level, logger, message, execution_id, "
        "step_id, exception. Other parts of the server keep their format.",
    ).tag(config=True)

    runtime: Runtime | None = None
    problem: Unavailable | None = None
    _pulse: PeriodicCallback | None = None

    def initialize_settings(self) -> None:
        """Open the database and start the runtime. A locked database leaves the routes answering 503."""
        self._adopt_loggers()
        root = Path(self._server.root_dir)
        directory = Path(self.data_dir).expanduser() if self.data_dir else default_data_dir(root)
        if directory.resolve().is_relative_to(root.resolve()):
            self.log.warning("BuilderApp.data_dir lies inside the root directory: the file browser can open it there.")
        try:
            settings = Settings(
                data_dir=directory,
                default_model=self.default_model or None,
                search_provider=self.search_provider or None,
                root_dir=root,
                limits={**DEFAULT_LIMITS, **self.limits},
                jwt=self._jwt_settings(),
                mcp_servers=self.mcp_servers,
                credit_grant=self.credit_grant,
                unlimited_credits=self.unlimited_credits,
                credit_prices=self.credit_prices,
                billing=self.billing,
                rate_limits=Mode(self.rate_limits),
                rates=self.rates,
            )
            self.runtime = Runtime(settings, notice=self.log.warning, meter=meter())
        except Unavailable as error:
            self.problem = error
            self.log.error("%s", error)  # noqa: TRY400 - one line says it; the stack would not
            return
        meter().watch(self.runtime)

    def initialize_handlers(self) -> None:
        """Add the routes; full paths only, so that none shadows Jupyter's."""
        self.handlers.extend((pattern(handler.path), handler) for handler in HANDLERS)
        self.handlers.append(page.FILES)
        self.handlers.append((r"/api/builder(?:/.*)?", NoSuchRoute))
        self.handlers.append((r"/api/execute", execute.RetiredHandler))
        self.handlers.append((r"/api/execute/.*", NoSuchDirectRoute))

    def get_default_logging_config(self) -> dict[str, Any]:
        """Return traitlets' own configuration, with our formatter in it."""
        config: dict[str, Any] = super().get_default_logging_config()
        if self.log_json:
            config["formatters"]["console"]["class"] = f"{JsonFormatter.__module__}.{JsonFormatter.__name__}"
        return config

    @observe("log_json")
    def _log_json_changed(self, _change: Any) -> None:
        self._configure_logging()

    def _adopt_loggers(self) -> None:
        """Let what the package logs go where this app's own lines go, as Jupyter does with Tornado's loggers."""
        logger = logging.getLogger(LOGGER)
        logger.parent = self.log
        level: Any = self.log_level
        logger.setLevel(level)

    def _jwt_settings(self) -> JwtSettings | None:
        # Taken out of the environment, which the kernels inherit.
        from_environment = os.environ.pop(SECRET_VARIABLE, "")
        settings = jwt_settings(
            issuer=self.jwt_issuer,
            audience=self.jwt_audience,
            jwks_url=self.jwt_jwks_url,
            jwks_file=self.jwt_jwks_file,
            secret=self.jwt_secret or from_environment,
            algorithms=self.jwt_algorithms,
            leeway_seconds=self.jwt_leeway_seconds,
        )
        if settings is not None and settings.secret is None and settings.audience is None:
            self.log.warning("BuilderApp.jwt_audience is not set: the issuer's tokens for other applications are good.")
        return settings

    @property
    def _server(self) -> Any:
        """The Jupyter server; typed loosely because its traits are."""
        return self.serverapp

    def name_of(self, user: User) -> str:
        """Return the name under which a Jupyter user acts.

        Jupyter's own providers know no names: they make one up for each browser, and a new one for each request with
        a token. Whoever they let in is the server's owner.
        """
        return getpass.getuser() if self.has_own_provider else user.username

    @property
    def has_own_provider(self) -> bool:
        """Whether the server's identity provider is one of Jupyter's own: it knows its token and its cookies.

        The one for old log-in handlers asks those, which may be a hub's.
        """
        return type(self._server.identity_provider) in {IdentityProvider, PasswordIdentityProvider}

    def is_server_token(self, bearer: str) -> bool:
        """Say whether this is the server's own token."""
        token = getattr(self._server.identity_provider, "token", "")
        return bool(token) and hmac.compare_digest(token.encode(), bearer.encode(errors="replace"))

    @property
    def takes_tokens(self) -> bool:
        """Whether JSON Web Tokens are ours to judge: there are settings for them, or they could not be read."""
        return self.runtime is None or self.runtime.tokens.is_configured

    def require_runtime(self) -> Runtime:
        """Return the runtime, or raise why there is none."""
        if self.runtime is None:
            raise self.unavailable()
        return self.runtime

    def unavailable(self) -> Unavailable:
        """Return why there is no runtime."""
        return self.problem or Unavailable("The workflow runtime is not running.")

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Tell kernels, and other processes that want our database, where this server is."""
        if self.runtime is None:
            return
        url = serverapp.connection_url.rstrip("/") + "/"
        if self.runtime.database.lock is not None:
            self.runtime.database.lock.describe(url=url)
        key = self.runtime.keys.lend(local_principal(getpass.getuser()))
        self._lent = {"BUILDER_JUPYTER_URL": url, "BUILDER_JUPYTER_KEY": key}
        os.environ.update(self._lent)
        self._pulse = PeriodicCallback(self._note_executions, ACTIVITY_SECONDS * 1000)
        self._pulse.start()
        # What is loaded by now lives as long as the server. Left to the collector, going over it again and again takes
        # a third of the engine's time.
        gc.freeze()

    async def stop_extension(self) -> None:
        """Stop the runtime; unfinished executions resume when the server starts again."""
        if self._pulse is not None:
            self._pulse.stop()
        for name, value in getattr(self, "_lent", {}).items():
            if os.environ.get(name) == value:
                del os.environ[name]
        if self.runtime is not None:
            meter().unwatch()
            self.runtime.stop()
        logging.getLogger(LOGGER).parent = logging.root

    def current_activity(self) -> dict[str, int] | None:
        """Return what is going on, so that no idle culler stops a busy server.

        Executions that wait for a person do not count: they go on at the next start, and people may stay away.
        """
        busy = self.runtime.executions.busy if self.runtime is not None else 0
        return {"executions": busy} if busy else None

    def _note_executions(self) -> None:
        """Count running executions as activity: a hub looks at the time of the last activity alone."""
        if self.current_activity():
            self.note_activity()

    def note_activity(self) -> None:
        """Count this moment as activity, e.g. of a call with a key; Jupyter counts its own calls only."""
        from jupyter_server._tz import utcnow

        self._server.web_app.settings["last_activity_times"][self.name] = utcnow()


def pattern(path: str) -> str:
    """Return the regular expression of a route's path; a parameter is anything but a slash."""
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
