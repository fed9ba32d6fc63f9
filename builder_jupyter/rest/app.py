"""The Jupyter server extension: settings, the route table, and the life of the runtime."""

from __future__ import annotations

import gc
import getpass
import logging
import os
import re
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.extension.application import ExtensionApp
from tornado import web
from tornado.ioloop import PeriodicCallback
from tornado.log import LogFormatter
from traitlets import Bool, Dict, Int, Unicode, observe

from builder_jupyter.errors import Unavailable
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.logs import LOGGER, JsonFormatter, NamedFields
from builder_jupyter.places import default_data_dir
from builder_jupyter.rest import stream, worker
from builder_jupyter.rest.builder import (
    answers,
    artefacts,
    executions,
    generation,
    importing,
    keys,
    upkeep,
    waitpoints,
    workflows,
)
from builder_jupyter.rest.direct import execute
from builder_jupyter.rest.direct import handlers as direct
from builder_jupyter.rest.handler import BuilderFamily, BuilderHandler
from builder_jupyter.rest.metrics import meter
from builder_jupyter.rest.openapi import document
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.services.runtime import DEFAULT_LIMITS, Runtime, Settings

ACTIVITY_SECONDS = 10

ROUTES: tuple[Any, ...] = (
    *workflows.HANDLERS,
    *importing.HANDLERS,
    *generation.HANDLERS,
    *executions.HANDLERS,
    stream.ExecutionEvents,
    stream.ExecutionSocket,
    *artefacts.HANDLERS,
    worker.WorkerSocket,
    *waitpoints.HANDLERS,
    answers.AnswerHandler,
    *keys.HANDLERS,
    *upkeep.HANDLERS,
    *direct.HANDLERS,
    *execute.HANDLERS,
)


class OpenAPIHandler(BuilderFamily):
    """The document of all routes."""

    path = "/api/builder/openapi.json"

    @route(access=Access.PUBLIC)
    async def get(self) -> None:
        """Return the OpenAPI document of this server's routes."""
        self.answer(
            document([*ROUTES, OpenAPIHandler], version=workflows.API_VERSION, server_url=self.settings["base_url"])
        )


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
    limits = Dict(
        value_trait=Int(min=1),
        key_trait=Unicode(),
        help="How many steps may touch the world at a time: {'workspace': 256, 'provider': 32} for each workspace and "
        "model provider, and others by name, e.g. {'provider:openai': 8, 'model:openai:gpt-5': 2}.",
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
        limits = {**DEFAULT_LIMITS, **self.limits}
        settings = Settings(directory, self.default_model or None, self.search_provider or None, root, limits)
        try:
            self.runtime = Runtime(settings, notice=self.log.warning, meter=meter())
        except Unavailable as error:
            self.problem = error
            self.log.error("%s", error)  # noqa: TRY400 - one line says it; the stack would not
            return
        meter().watch(self.runtime)

    def initialize_handlers(self) -> None:
        """Add the routes; full paths only, so that none shadows Jupyter's."""
        self.handlers.extend((pattern(handler.path), handler) for handler in (*ROUTES, OpenAPIHandler))
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

    @property
    def _server(self) -> Any:
        """The Jupyter server; typed loosely because its traits are."""
        return self.serverapp

    def name_of(self, user: User) -> str:
        """Return the name under which a Jupyter user acts.

        Jupyter's own providers know no names: they make one up for each browser, and a new one for each request with
        a token. Whoever they let in is the server's owner.
        """
        known = type(self._server.identity_provider).__module__ != IdentityProvider.__module__
        return user.username if known else getpass.getuser()

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
