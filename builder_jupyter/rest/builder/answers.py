"""The page behind a link: whoever has it may answer one waitpoint, once, and learns nothing else.

The token in the address is the only credential. It stays out of the log, and no browser passes it on.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from builder_jupyter.errors import TooLarge
from builder_jupyter.execution.forms import Form, form_of
from builder_jupyter.rest.builder.answer_page import CONTENT_SECURITY_POLICY, form_page, message_page
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import Access, Fault, route

MAX_ANSWER_BYTES = 256 * 1024
THANKS = ("Thank you", "Your answer has been recorded. You can close this page.")
GONE = ("Nothing to answer", "This link does not lead to an open question. It may have been answered already.")
FAILED = "That did not work"
HTML = "text/html; charset=utf-8"


class AnswerBody(Loose):
    """The answer: any JSON value."""

    answer: Any


class Answered(BaseModel):
    """The answer is on disk."""

    ok: bool


class AnswerHandler(BuilderFamily):
    """One waitpoint, to whoever has the link."""

    path = "/api/builder/answer/{token}"
    _deadline: int | None = None
    _form: Form | None = None

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Forget the address: what is logged of this request, at whatever point, is taken from here."""
        super().initialize(*args, **kwargs)
        hidden = self.path.format(token="[token]")  # noqa: S106 - it stands for one
        self.request.uri = self.request.path = hidden
        if "Referer" in self.request.headers:
            self.request.headers["Referer"] = "[hidden]"

    @property
    def content_security_policy(self) -> str:
        """Nothing from anywhere, no script, and no frame around it."""
        return CONTENT_SECURITY_POLICY

    def set_default_headers(self) -> None:
        """Tell browsers and search engines to keep the address to themselves."""
        super().set_default_headers()
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Robots-Tag", "noindex")

    @route(access=Access.PUBLIC, stream="text/html")
    async def get(self, token: str) -> None:
        """Show the question as a form."""
        await self._look(token)
        self._page(form_page(self._form or Form(), deadline=self._deadline))

    @route(access=Access.PUBLIC, body=AnswerBody, answer=Answered, stream="text/html")
    async def post(self, token: str) -> None:
        """Answer, as a form or as JSON."""
        if len(self.request.body) > MAX_ANSWER_BYTES:
            raise TooLarge(f"An answer has at most {MAX_ANSWER_BYTES} bytes.")
        form = await self._look(token)
        if self._is_form:
            given = {name: self.get_body_arguments(name, strip=False) for name in self.request.body_arguments}
            value = form.read(given)
        else:
            value = (await self.model(AnswerBody)).answer
        await self.call(self.runtime.waitpoints.answer(token, value))
        if self._is_form:
            self._page(message_page(*THANKS))
        else:
            self.answer({"ok": True})

    async def _look(self, token: str) -> Form:
        found = await self.call(self.runtime.waitpoints.look(token))
        self._deadline, self._form = found["deadlineAt"], form_of(found["request"])
        return self._form

    @property
    def _is_form(self) -> bool:
        if self.request.body.lstrip().startswith(b"{"):  # no form begins so, and many programs name no other type
            return False
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return kind in ("application/x-www-form-urlencoded", "multipart/form-data")

    def tell(self, fault: Fault) -> None:
        """Answer people with a page, programs as ever."""
        if "text/html" not in self.request.headers.get("Accept", ""):
            super().tell(fault)
        elif fault.status == 400 and self._form is not None:
            given = {name: values[-1].decode(errors="replace") for name, values in self.request.body_arguments.items()}
            self._page(form_page(self._form, deadline=self._deadline, faults=fault.details or (), given=given))
        else:
            self._page(message_page(*(GONE if fault.status == 404 else (FAILED, fault.message))))

    def _page(self, page: str) -> None:
        self.set_header("Cache-Control", "no-store")
        self.finish(page, set_content_type=HTML)
