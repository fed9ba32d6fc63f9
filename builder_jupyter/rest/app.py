"""The Jupyter server extension: settings, the route table, and the life of the runtime."""

from __future__ import annotations

import getpass
import os
import re
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from tornado import web
from traitlets import Unicode

from builder_jupyter.errors import Unavailable
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.places import default_data_dir
from builder_jupyter.rest import stream
from builder_jupyter.rest.builder import answers, executions, keys, waitpoints, workflows
from builder_jupyter.rest.direct import execute
from builder_jupyter.rest.direct import handlers as direct
from builder_jupyter.rest.handler import BuilderFamily, BuilderHandler
from builder_jupyter.rest.openapi import document
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.services.runtime import Runtime, Settings

ROUTES: tuple[Any, ...] = (
    *workflows.HANDLERS,
    *executions.HANDLERS,
    stream.ExecutionEvents,
    stream.ExecutionSocket,
    *waitpoints.HANDLERS,
    answers.AnswerHandler,
    *keys.HANDLERS,
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


class BuilderApp(ExtensionApp):
    """Agent workflows on a Jupyter server."""

    name = "builder_jupyter"
    load_other_extensions = True

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

    runtime: Runtime | None = None
    problem: Unavailable | None = None

    def initialize_settings(self) -> None:
        """Open the database and start the runtime. A locked database leaves the routes answering 503."""
        root = Path(self._server.root_dir)
        directory = Path(self.data_dir).expanduser() if self.data_dir else default_data_dir(root)
        if directory.resolve().is_relative_to(root.resolve()):
            self.log.warning("BuilderApp.data_dir lies inside the root directory: the file browser can open it there.")
        settings = Settings(directory, self.default_model or None, self.search_provider or None)
        try:
            self.runtime = Runtime(settings, notice=self.log.warning)
        except Unavailable as error:
            self.problem = error
            self.log.error("%s", error)  # noqa: TRY400 - one line says it; the stack would not
            return
        if self.runtime.resumed:
            self.log.info("resumed %d executions", self.runtime.resumed)

    def initialize_handlers(self) -> None:
        """Add the routes; full paths only, so that none shadows Jupyter's."""
        self.handlers.extend((pattern(handler.path), handler) for handler in (*ROUTES, OpenAPIHandler))
        self.handlers.append((r"/api/builder(?:/.*)?", NoSuchRoute))
        self.handlers.append((r"/api/execute", execute.RetiredHandler))
        self.handlers.append((r"/api/execute/.*", NoSuchDirectRoute))

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
        url = url_path_join(serverapp.connection_url, "")
        if self.runtime.database.lock is not None:
            self.runtime.database.lock.describe(url=url)
        key = self.runtime.keys.lend(local_principal(getpass.getuser()))
        self._lent = {"BUILDER_JUPYTER_URL": url, "BUILDER_JUPYTER_KEY": key}
        os.environ.update(self._lent)

    async def stop_extension(self) -> None:
        """Stop the runtime; unfinished executions resume when the server starts again."""
        for name, value in getattr(self, "_lent", {}).items():
            if os.environ.get(name) == value:
                del os.environ[name]
        if self.runtime is not None:
            self.runtime.stop()

    def current_activity(self) -> dict[str, int] | None:
        """Return what is going on, so that no idle culler stops a busy server."""
        active = self.runtime.executions.active if self.runtime is not None else 0
        return {"executions": active} if active else None

    def note_activity(self) -> None:
        """Count a call with a key as activity; Jupyter counts its own only."""
        from jupyter_server._tz import utcnow

        self._server.web_app.settings["last_activity_times"][self.name] = utcnow()


def pattern(path: str) -> str:
    """Return the regular expression of a route's path; a parameter is anything but a slash."""
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
