"""``jupyter nbconvert --to builder_html``: a notebook with its workflows as a page that needs no kernel and no network.

A canvas lies in an output as a live view and as a picture. The stock exporter takes the view, which is blank without
our extension; this one takes the picture, whole, so that it follows the theme of the page and can be read aloud.
Importing this loads nbconvert; nothing else here does.
"""

from __future__ import annotations

from typing import Any

from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from traitlets import default
from traitlets.config import Config

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
:root { color-scheme: light dark; }
.jp-RenderedSVG svg { max-width: 100%; height: auto; }
.jp-RenderedHTMLCommon table { display: block; overflow-x: auto; }
.jp-OutputArea-output { color: var(--jp-content-font-color1, currentColor); }
@media print { .jp-RenderedSVG svg, .jp-RenderedHTMLCommon table { break-inside: avoid; } }
"""


class StillPreprocessor(Preprocessor):
    """Leaves out the state of widgets, which nothing on the page would draw, and adds our style."""

    enabled = True

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Return the notebook and the resources of its page."""
        nb.metadata.pop("widgets", None)
        css = resources.setdefault("inlining", {}).setdefault("css", [])
        css.append(STYLE)
        return nb, resources


class BuilderHTMLExporter(HTMLExporter):
    """HTML whose workflows are pictures in the page's own theme; see `PRIORITY`."""

    export_from_notebook = "Workflow HTML"
    preprocessors = [StillPreprocessor]  # noqa: RUF012 - a trait

    @default("skip_svg_encoding")
    def _skip_svg_encoding(self) -> bool:
        return True

    @property
    def default_config(self) -> Config:
        """Return the stock settings with our order of types."""
        config = Config({"NbConvertBase": {"display_data_priority": list(PRIORITY)}})
        stock = Config(super().default_config)
        stock.merge(config)
        return stock
