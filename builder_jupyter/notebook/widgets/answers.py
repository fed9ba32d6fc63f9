"""A run that waits, in a cell: how it stands, and below it a form for each answer that it waits for.

Nothing here blocks: a button hands its answer to the client's loop, and what follows from it comes from there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import ipywidgets as widgets

from builder_jupyter.client.feed import Feed
from builder_jupyter.client.tables import steps_html
from builder_jupyter.client.waitpoints import ANSWERABLE_HERE
from builder_jupyter.errors import BuilderError
from builder_jupyter.execution.forms import WHOLE, Field, FieldKind, choice_text, form_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from builder_jupyter.client.execution import Execution
    from builder_jupyter.client.protocol import Wire

log = logging.getLogger(__name__)

SECONDS = 0.2
_WIDE = {"width": "32em", "max_width": "100%"}
_shown: WeakKeyDictionary[Execution, RunView] = WeakKeyDictionary()


def run_view(execution: Execution) -> RunView:
    """Return the view of a run: one for each run, however often it is shown."""
    if execution not in _shown:
        _shown[execution] = RunView(execution)
    return _shown[execution]


class RunView(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The table of a run and the forms of what it waits for, until the run is over."""

    def __init__(self, execution: Execution) -> None:
        self._transport = execution.transport
        self._execution_id = execution.id
        self._lock = RLock()
        self._table = widgets.HTML()
        self._forms: dict[str, AnswerForm] = {}
        super().__init__([self._table])
        self.show(execution.snapshot)
        self._following: Future[None] = asyncio.run_coroutine_threadsafe(self._follow(), self._transport.portal.loop)

    @property
    def forms(self) -> list[AnswerForm]:
        """The forms that are shown."""
        return list(self._forms.values())

    def show(self, picture: Wire) -> None:
        """Show how the run stands. May be called on the client's loop."""
        with self._lock:
            table = steps_html(picture, hinted=False)
            if self._table.value != table:
                self._table.value = table
            asked = {one["waitpointId"]: one for one in picture["waitpoints"] if one["kind"] in ANSWERABLE_HERE}
            if asked.keys() != self._forms.keys():
                self._forms = {name: self._forms.get(name) or AnswerForm(one, self.give) for name, one in asked.items()}
                self.children = (self._table, *self._forms.values())

    def give(self, form: AnswerForm, value: Any) -> None:
        """Answer, without waiting for what becomes of it."""
        asyncio.run_coroutine_threadsafe(self._give(form, value), self._transport.portal.loop)

    def close(self) -> None:
        """Follow no more; the run goes on."""
        self._following.cancel()
        super().close()

    async def _give(self, form: AnswerForm, value: Any) -> None:
        try:
            await self._transport.complete(form.waitpoint_id, value)
            self.show(await self._transport.snapshot(self._execution_id))
        except BuilderError as error:
            form.fail(str(error))

    async def _follow(self) -> None:
        feed = Feed(self._transport.events(self._execution_id), seconds=SECONDS)
        try:
            while events := await feed.take():
                if any(event["kind"] != "token" for event in events):
                    self.show(await self._transport.snapshot(self._execution_id))
        except BuilderError as error:
            log.warning("the execution %s cannot be followed any more: %s", self._execution_id, error)
        finally:
            await feed.close()


class AnswerForm(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The form of one waitpoint: a button for each option, or typed fields and one button.

    ``give`` is called with the form and the answer.
    """

    def __init__(self, waitpoint: Wire, give: Callable[[AnswerForm, Any], None]) -> None:
        self.waitpoint_id = str(waitpoint["waitpointId"])
        self._hand_over = give
        self._form = form_of(waitpoint["request"])
        self.inputs = {field.name: _input(field) for field in self._form.fields}
        self.buttons = [widgets.Button(description=option, tooltip=option) for option in self._form.options]
        if self.inputs:
            self.buttons.append(widgets.Button(description="Send", button_style="primary"))
        for button in self.buttons:
            button.on_click(self._on_click)
        self.fault = widgets.HTML()
        super().__init__(
            [
                widgets.HTML(_heading(waitpoint, self._form.prompt)),
                *(part for field in self._form.fields for part in (self.inputs[field.name], *_hint(field))),
                widgets.HBox(self.buttons, layout={"flex_flow": "row wrap"}),
                self.fault,
            ],
            layout={"margin": "0.5em 0"},
        )

    def fail(self, message: str) -> None:
        """Say what is wrong and let another answer be given."""
        self.fault.value = f'<div role="alert" style="color:var(--jp-error-color1,#b3261e)">{escape(message)}</div>'
        self._enable(True)

    def _on_click(self, button: widgets.Button) -> None:
        self.fault.value = ""
        try:
            answer = self._form.read(self._texts()) if self.inputs else button.description
        except BuilderError as error:
            self.fail(str(error))
        else:
            self._enable(False)
            self._hand_over(self, answer)

    def _enable(self, is_enabled: bool) -> None:
        for one in (*self.buttons, *self.inputs.values()):
            one.disabled = not is_enabled

    def _texts(self) -> Mapping[str, list[str]]:
        """Return what is entered, as a browser would send it."""
        texts = {}
        for name, one in self.inputs.items():
            entered = one.value
            texts[name] = [] if entered is None or entered is False else [str(entered)]
        return texts


def _heading(waitpoint: Wire, prompt: str) -> str:
    step = escape(str(waitpoint["stepId"])) + (f" #{waitpoint['visit']}" if waitpoint["visit"] > 1 else "")
    asked = f'<div style="white-space:pre-wrap">{escape(prompt)}</div>' if prompt else ""
    until = ""
    if waitpoint["deadlineAt"] is not None:
        moment = datetime.fromtimestamp(waitpoint["deadlineAt"] / 1000, UTC)
        until = f"<div>Before {moment:%Y-%m-%d %H:%M} UTC</div>"
    return f"<div><strong>{step}</strong>{asked}{until}</div>"


def _hint(field: Field) -> list[widgets.HTML]:
    return [widgets.HTML(f"<small>{escape(field.hint)}</small>")] if field.hint else []


def _input(field: Field) -> Any:
    """Return the widget in which a field is entered; one that may stay empty must be able to."""
    mark = " *" if field.is_required and field.name != WHOLE else ""
    default = field.default
    # The widget's own description is its label, for those who do not see the two side by side too.
    about = {"layout": _WIDE, "description": field.label + mark, "style": {"description_width": "initial"}}
    match field.kind:
        case FieldKind.BOOLEAN:
            return widgets.Checkbox(value=bool(default), indent=False, **about)
        case FieldKind.CHOICE:
            names = [choice_text(choice) for choice in field.choices]
            chosen = choice_text(default) if default in field.choices else None
            return widgets.Dropdown(options=names, value=chosen, **about)
        case FieldKind.INTEGER | FieldKind.NUMBER:
            # Not a number box: that cannot be empty, and a 0 that nobody entered would be an answer.
            kind = "a whole number" if field.kind is FieldKind.INTEGER else "a number"
            return widgets.Text(value="" if default is None else str(default), placeholder=kind, **about)
        case FieldKind.LIST:
            lines = "\n".join(map(str, default)) if isinstance(default, list) else ""
            return widgets.Textarea(value=lines, placeholder="one on each line", **about)
        case _:
            return widgets.Textarea(value="" if default is None else choice_text(default), **about)
