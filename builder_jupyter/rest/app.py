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
from traitlets import Bool, observe

from builder_jupyter.errors import Unavailable
from builder_jupyter.identity.principal import Principal, jupyter_principal, local_principal
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.logs import LOGGER, JsonFormatter, NamedFields
from builder_jupyter.places import default_data_dir
from builder_jupyter.rest import stream, worker
from builder_jupyter.rest.builder import (
    answers,
    artefacts,
    assets,
    budgets,
    catalogue,
    editing,
    estimates,
    executions,
    generation,
    grants,
    importing,
    invites,
    keys,
    mcp_servers,
    members,
    page,
    tools,
    upkeep,
    versions,
    waitpoints,
    webhooks,
    workflows,
    workspaces,
)
from builder_jupyter.rest.direct import billing, execute, focus, integrations
from builder_jupyter.rest.direct import handlers as direct
from builder_jupyter.rest.direct import webhooks as direct_webhooks
from builder_jupyter.rest.handler import MAX_BODY_BYTES, BuilderFamily, BuilderHandler
from builder_jupyter.rest.mcp import handlers as mcp
from builder_jupyter.rest.mcp.published import PublishedHandler
from builder_jupyter.rest.mcp.sessions import Sessions
from builder_jupyter.rest.metrics import meter
from builder_jupyter.rest.openapi import document
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.rest.settings import BuilderSettings
from builder_jupyter.services.runtime import Runtime
from builder_jupyter.services.webhooks import PATH as WEBHOOK_PATH

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
    *assets.HANDLERS,
    worker.WorkerSocket,
    *waitpoints.HANDLERS,
    answers.AnswerHandler,
    *keys.HANDLERS,
    *workspaces.HANDLERS,
    *members.HANDLERS,
    *invites.HANDLERS,
    *mcp_servers.HANDLERS,
    *tools.HANDLERS,
    *upkeep.HANDLERS,
    *page.HANDLERS,
    *budgets.HANDLERS,
    *direct.HANDLERS,
    *billing.HANDLERS,
    *focus.HANDLERS,
    *execute.HANDLERS,
    *mcp.HANDLERS,
    *direct_webhooks.HANDLERS,
    *webhooks.HANDLERS,
    *integrations.HANDLERS,
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
    """Whatever else is asked for under ``/api/execute``, ``/api/integrations``, ``/api/mcp`` and ``/api/user-mcp``."""

    async def prepare(self, **kwargs: Any) -> None:
        """Answer 404 whoever asks."""
        del kwargs
        raise web.HTTPError(404)


class ServerFormatter(NamedFields, LogFormatter):
    """Jupyter's own lines, with the ids of the execution and the step that a record is about."""


class BuilderApp(BuilderSettings, ExtensionApp):
    """Agent workflows on a Jupyter server."""

    name = "builder_jupyter"
    load_other_extensions = True
    _log_formatter_cls = ServerFormatter

    log_json = Bool(
        default_value=False,
        help="Write what this extension logs as one JSON object a line: time, level, logger, message, execution_id, "
        "step_id, exception. Other parts of the server keep their format.",
    ).tag(config=True)

    runtime: Runtime | None = None
    problem: Unavailable | None = None
    _pulse: PeriodicCallback | None = None
    _sessions: Sessions | None = None

    def initialize_settings(self) -> None:
        """Open the database and start the runtime. A locked database leaves the routes answering 503."""
        self._adopt_loggers()
        root = Path(self._server.root_dir)
        directory = Path(self.data_dir).expanduser() if self.data_dir else default_data_dir(root)
        if directory.resolve().is_relative_to(root.resolve()):
            self.log.warning("BuilderApp.data_dir lies inside the root directory: the file browser can open it there.")
        try:
            settings = self.runtime_settings(directory, root)
            self.runtime = Runtime(settings, notice=self.log.warning, meter=meter())
        except Unavailable as error:
            self.problem = error
            self.log.error("%s", error)  # noqa: TRY400 - one line says it; the stack would not
            return
        meter().watch(self.runtime)

    def initialize_handlers(self) -> None:
        """Add the routes; full paths only, so that none shadows Jupyter's."""
        self.handlers.extend((pattern(handler.path), handler) for handler in HANDLERS)
        self.handlers.extend((pattern(handler.path), handler) for handler in (mcp.McpHandler, PublishedHandler))
        self.handlers.append(page.FILES)
        self.handlers.append((r"/api/builder(?:/.*)?", NoSuchRoute))
        self.handlers.append((r"/api/execute", execute.RetiredHandler))
        self.handlers.append((r"/api/(?:execute|integrations|mcp|user-mcp)/.*", NoSuchDirectRoute))

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

    def principal_of(self, user: User) -> Principal:
        """Return who a Jupyter user is to us; a hub's user name that is an e-mail address is theirs."""
        name = self.name_of(user)
        return jupyter_principal(name, name.strip().lower() if "@" in name and not self.has_own_provider else None)

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

    def mcp_sessions(self) -> Sessions:
        """Return the sessions of MCP clients; the first client starts them."""
        if self._sessions is None:
            from builder_jupyter.rest.mcp.server import gateway_server

            server = gateway_server(workflows.API_VERSION)
            self._sessions = Sessions(server, max_body_bytes=MAX_BODY_BYTES)
        return self._sessions

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
        own = self.public_url.rstrip("/") + "/" if self.public_url else url
        self.runtime.webhooks.url = own + WEBHOOK_PATH
        for address in {url, own}:
            self.runtime.outbound.protect(address)
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
        if self._sessions is not None:
            await self._sessions.stop()
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
