"""A step of a run as an object in a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from builder_jupyter.client.frames import text_of
from builder_jupyter.client.media import MediaOutput, outputs_of
from builder_jupyter.client.protocol import Wire
from builder_jupyter.execution.status import StepStatus


@dataclass(frozen=True, slots=True)
class StepView:
    """The last visit of one step.

    Parameters
    ----------
    id, name, type : of the node.
    visit : its number, from 1; steps in a loop are visited more than once.
    text : what it wrote, or has written so far; ``""`` when it writes nothing.
    outputs : values by port; pictures, films and sounds have their bytes as ``content``.
    usage : ``{"model", "inputTokens", "outputTokens"}`` where a language model was asked.
    error : ``{"message", "code", "retryable"}`` when it failed.
    raw : what it left under ``results``, as JSON; `result` has it with its dataframes.
    shown : what it printed and displayed, as MIME bundles; `display` shows them.
    """

    id: str
    name: str
    type: str
    visit: int
    status: StepStatus
    text: str
    outputs: Mapping[str, Any]
    usage: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    raw: Any = None
    shown: Sequence[Mapping[str, Any]] = ()
    load: Callable[[str], bytes] | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<Step {self.id!r} {self.status}>"

    @property
    def result(self) -> Any:
        """What it left under ``results``: a JSON-like value; dataframes are fetched and are dataframes again.

        Raises `NotFound` (``ARTEFACT_NOT_FOUND``).
        """
        if self.load is None:
            return self.raw
        from builder_jupyter.client.values import unpack

        return unpack(self.raw, self.load)

    @property
    def image(self) -> MediaOutput:
        """The picture that it made. Raises `KeyError` when it made none."""
        return self._made("image")

    @property
    def video(self) -> MediaOutput:
        """The film that it made. Raises `KeyError` when it made none."""
        return self._made("video")

    @property
    def audio(self) -> MediaOutput:
        """The sound that it made. Raises `KeyError` when it made none."""
        return self._made("audio")

    def _made(self, kind: str) -> MediaOutput:
        value = self.outputs[f"{kind}-out"]
        if not isinstance(value, MediaOutput):
            raise KeyError(f"{kind}-out")
        return value

    def display(self) -> None:
        """Show here what the step printed and displayed."""
        from builder_jupyter.client.shows import show

        show(self.shown)


def view_of(row: Wire, load: Callable[[str], bytes], asset: Callable[[str], bytes]) -> StepView:
    """Return a step of a picture as an object; ``load`` fetches artefacts by digest, ``asset`` files by id."""
    return StepView(
        id=row["stepId"],
        name=row["name"],
        type=row["nodeType"],
        visit=row["visit"],
        status=StepStatus(row["status"]),
        text=text_of(row),
        outputs=outputs_of(row, asset),
        usage=row["usage"],
        error=row["error"],
        raw=row.get("result"),
        shown=row.get("display", ()),
        load=load,
    )
