"""``jupyter nbconvert --to builder_html``: a notebook with its workflows as a page that needs no kernel.

A canvas lies in an output as a live view and as a picture. The stock exporter takes the view, which is blank without
our extension; this one takes the picture, whole, so that it follows the theme of the page and can be read aloud.
Importing this loads nbconvert; nothing else here does.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode, from_dict
from traitlets.config import Config

from builder_jupyter.notebook.display import WORKFLOW_MIME

PRIORITY = (
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/html",
    "text/markdown",
    "text/vnd.mermaid",
    "text/latex",
    "text/plain",
)
"""What is shown of an output with several types: the first of these. Live views are not among them."""

STYLE = """
.jp-RenderedSVG svg, .jp-RenderedHTMLCommon svg { max-width: 100%; height: auto; }
.jp-RenderedHTMLCommon table { display: block; overflow-x: auto; }
@media print { .jp-RenderedHTMLCommon svg, .jp-RenderedHTMLCommon table { break-inside: avoid; } }
"""


_IMAGE = re.compile(r"<img [^>]*>")


class StillPreprocessor(Preprocessor):
    """Puts our pictures into the page itself, leaves out the state of widgets, which nothing on it would draw."""

    enabled = True

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Return the notebook and the resources of its page."""
        nb.metadata.pop("widgets", None)
        for cell in nb.cells:
            for output in cell.get("outputs", ()):
                if "data" in output:
                    output["data"] = from_dict(still(output["data"]))  # type: ignore[no-untyped-call]
        return nb, resources


def still(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of an output with the picture of a workflow in its HTML, if it is one.

    Not as an image, which would follow the system's theme and not the page's, and whose words nothing could read.
    Pictures of others stay images: their ids might meet on one page.
    """
    svg, html = data.get("image/svg+xml"), data.get("text/html", "")
    if not isinstance(svg, str):
        return dict(data)
    source = b64encode(svg.encode()).decode()
    if source in html:  # ours: a workflow, or a difference with more below its picture
        html = _IMAGE.sub(lambda image: svg if source in image[0] else image[0], html)
    elif WORKFLOW_MIME in data:
        html = f'<div style="overflow-x:auto">{svg}</div>'
    else:
        return dict(data)
    return {"text/html": html, "text/plain": data.get("text/plain", "")}


class BuilderHTMLExporter(HTMLExporter):
    """HTML whose workflows are pictures in the page's own theme; see `PRIORITY`."""

    export_from_notebook = "Workflow HTML"
    preprocessors = [StillPreprocessor]  # noqa: RUF012 - a trait

    @property
    def default_config(self) -> Config:
        """Return the stock settings with our order of types."""
        config = Config({"NbConvertBase": {"display_data_priority": list(PRIORITY)}})
        stock = Config(super().default_config)
        stock.merge(config)
        return stock

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the page, with our style. Images that are not part of it are told which theme it has."""
        page, known = super().from_notebook_node(nb, resources, **kw)
        scheme = f":root {{ color-scheme: {self.theme}; }}" if self.theme in ("light", "dark") else ""
        return page.replace("</head>", f"<style>{scheme}{STYLE}</style></head>", 1), known
