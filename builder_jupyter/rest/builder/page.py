"""The editor as a page of its own: a shell without anything in it, and the files that it loads.

Both go to anybody: what the page shows comes from the API, which asks who wants to know. Source: spec langgraph-builder
§2, ``GET {base_url}builder``.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import PublicStaticFileHandler
from jupyter_server.utils import url_path_join

from builder_jupyter.errors import Unavailable
from builder_jupyter.rest.builder.answers import HTML
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.routing import Access, route

SCRIPT, SHEET = "page.js", "page.css"
STATIC = "/builder/static"
# cytoscape writes a style into the page unless an element of this id is there; our sheet holds its one rule.
CYTOSCAPE_SHEET = "__________cytoscape_stylesheet"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class PageHandler(BuilderFamily):
    """The page."""

    path = "/builder"

    @property
    def content_security_policy(self) -> str:
        """Scripts and styles from this server alone, nothing written into the page, no foreign frame around it."""
        return CONTENT_SECURITY_POLICY

    @route(access=Access.PUBLIC, stream="text/html")
    async def get(self) -> None:
        """Send the editor as a page: an empty shell, the same for everybody."""
        self.current_user = None  # the token below does not depend on it, and Jupyter has not been asked
        _sets_the_cookie = self.xsrf_token  # which the page sends back with what it saves
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Referrer-Policy", "same-origin")
        folder = static_folder()
        base = self.settings["base_url"]
        urls = [url_path_join(base, STATIC, f"{name}?v={_version(folder / name)}") for name in (SHEET, SCRIPT)]
        self.finish(_shell(base, self.settings["login_url"], *urls), set_content_type=HTML)


class PageFiles(PublicStaticFileHandler):
    """The page's script and style. Under the address that the shell names they never change, so they are kept."""

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Serve from where the files lie now."""
        super().initialize(str(static_folder()), *args, **kwargs)

    def set_extra_headers(self, path: str) -> None:
        """Say that a file is what its name says; without a version in the address, that it is to be asked for again."""
        del path
        self.set_header("X-Content-Type-Options", "nosniff")
        if "v" not in self.request.arguments:
            self.set_header("Cache-Control", "no-cache")


HANDLERS = (PageHandler,)
FILES = (rf"{STATIC}/((?:page|chunk)[\w.-]*\.(?:js|css))", PageFiles)


def static_folder() -> Path:
    """Return the folder of the page's files: beside this package in a checkout, else where Jupyter's assets are.

    Raises `Unavailable` (``PAGE_NOT_BUILT``) when the front end was not built.
    """
    from jupyter_core.paths import jupyter_path

    shared = (Path(at, "@builder-jupyter", "labextension") for at in jupyter_path("labextensions"))
    for place in (Path(__file__).parents[2] / "labextension", *shared):
        if (place / "page" / SCRIPT).is_file():
            return place / "page"
    raise Unavailable("The editor's page was not built with this installation.", code="PAGE_NOT_BUILT")


def _shell(base_url: str, login_url: str, sheet: str, script: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Workflow builder</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">'
        f'<link rel="stylesheet" id="{CYTOSCAPE_SHEET}" href="{escape(sheet)}">'
        f'<script defer src="{escape(script)}"></script></head>\n'
        f'<body data-base-url="{escape(base_url)}" data-login-url="{escape(login_url)}">'
        "<noscript>The workflow builder needs JavaScript.</noscript></body></html>\n"
    )


def _version(file: Path) -> str:
    about = file.stat()
    return _digest(file, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=8)
def _digest(file: Path, _changed: int, _size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:20]
