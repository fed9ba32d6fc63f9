"""The side bar *Settings* in a real JupyterLab: a key is made, used over HTTP and revoked; a provider is connected."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from accessibility import grave_findings
from harness import Jupyter, jupyter, open_lab
from playwright.sync_api import expect

BAR = "#builder-jupyter-settings"
SECRET = "sk-very-secret-4242"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """A JupyterLab of this module's own: what is in the lists is known."""
    with jupyter(tmp_path_factory.mktemp("settings")) as running:
        yield running


def ask(server: Jupyter, method: str, path: str, body: Any = None, *, key: str | None = None) -> tuple[int, Any]:
    sent = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(f"{server.url}/api/{path}", sent, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def show(page: Any, server: Jupyter) -> Any:
    open_lab(page, server)
    page.evaluate("id => window.jupyterapp.shell.activateById(id)", BAR[1:])
    bar = page.locator(BAR)
    bar.locator("summary", has_text="API keys").wait_for()
    return bar


def test_a_key_is_made_used_and_revoked(page: Any, own: Jupyter) -> None:
    bar = show(page, own)
    bar.get_by_text("There are no keys that are good.").wait_for()
    bar.get_by_role("button", name="New key…").press("Enter")
    name = bar.get_by_label("Name", exact=True)
    expect(name).to_be_focused()  # where the form begins
    name.press_sequentially("ci")
    bar.get_by_label("Change workflows").check()
    bar.get_by_label("Good for").select_option("30 days")
    page.screenshot(path=str(own.root.parent / "settings-form.png"))
    name.press("Enter")
    shown = bar.get_by_label("ci: copy it now")
    shown.wait_for()
    key = shown.input_value()
    assert re.fullmatch(r"builder_[A-Za-z0-9_-]{43}", key)
    expect(page.locator(".jp-bj-announcer")).to_contain_text("shown this once")
    page.screenshot(path=str(own.root.parent / "settings-key.png"))

    status, verified = ask(own, "GET", "verify-key", key=key)
    assert (status, verified["workspaceId"]) == (200, "default")
    assert verified["scopes"] == ["read:canvases", "run:workflows", "write:canvas"]
    workflow = {"name": "By key", "nodes": [{"id": "s", "type": "start"}, {"id": "e", "type": "end"}]}
    workflow["edges"] = [{"source": "s", "target": "e"}]
    assert ask(own, "POST", "builder/workflows", workflow, key=key)[0] == 201
    assert ask(own, "GET", "builder/keys", key=key)[0] == 403

    bar.get_by_role("button", name="Done").click()
    shown.wait_for(state="detached")
    assert key not in page.content()
    row = bar.locator(".jp-bj-setting", has_text="ci")
    row.get_by_text("expires in").wait_for()
    bar.get_by_role("button", name="Refresh").click()
    row.get_by_text("used today").wait_for()
    row.get_by_role("button", name="Revoke").press("Enter")
    row.get_by_role("button", name="Keep").click()
    row.get_by_role("button", name="Revoke").click()
    row.locator(".jp-bj-below").get_by_role("button", name="Revoke").press("Enter")
    bar.get_by_text("There are no keys that are good.").wait_for()
    assert ask(own, "GET", "verify-key", key=key)[0] == 401
    assert page.problems == []


def test_a_provider_is_connected_routed_and_revoked(page: Any, own: Jupyter) -> None:
    bar = show(page, own)
    bar.locator("summary", has_text="Providers").press("Enter")
    row = bar.locator(".jp-bj-setting", has_text="Anthropic")
    row.get_by_role("button", name="Connect…").click()
    row.get_by_label("API key").press_sequentially(f"{SECRET} with a space")
    row.get_by_label("API key").press("Enter")
    bar.get_by_role("alert").get_by_text("printable ASCII characters").wait_for()
    row.get_by_label("API key").fill(SECRET)
    row.get_by_role("button", name="Save").click()
    row.get_by_text("Anthropic · …4242").wait_for()
    assert SECRET not in page.content()
    row.get_by_role("combobox").select_option("Ours only")

    def state() -> Any:
        found = ask(own, "GET", "integrations/providers")[1]["providers"]
        return next(one for one in found if one["provider"] == "anthropic")

    while state()["mode"] != "byo-only":
        page.wait_for_timeout(50)
    assert state()["connected"]
    assert SECRET not in json.dumps(ask(own, "GET", "integrations/provider-connections"))
    row.get_by_role("button", name="Change…").click()
    page.screenshot(path=str(own.root.parent / "settings-provider.png"))
    row.get_by_role("button", name="Revoke").click()
    row.get_by_text("not connected").wait_for()
    assert not state()["connected"]
    assert page.problems == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_workspaces_and_people(page: Any, own: Jupyter, theme: str) -> None:
    """A second workspace is chosen, with people in it; nothing that axe finds grave, in either theme."""
    made = ask(own, "POST", "builder/workspaces", {"name": f"Team {theme[-5:]}"})[1]["id"]
    ask(own, "PUT", f"builder/workspaces/{made}/members/bob", {"role": "editor"})
    bar = show(page, own)
    page.evaluate("t => window.jupyterapp.commands.execute('apputils:change-theme', { theme: t })", theme)
    page.wait_for_selector(f"body[data-jp-theme-light={str('Light' in theme).lower()}]", state="attached")
    expect(bar.locator("summary", has_text="People")).to_be_hidden()  # default is nobody's in particular
    bar.get_by_label("Workspace").select_option(made)
    bar.locator("summary", has_text="People").click()
    bar.get_by_role("list", name="Members").get_by_text("editor").wait_for()
    bar.get_by_label("Invite by e-mail").fill("Zoe@X.org")
    bar.get_by_label("Invite by e-mail").press("Enter")
    invited = bar.locator(".jp-bj-setting", has_text="zoe@x.org")
    invited.get_by_text("invited as editor").wait_for()
    bar.get_by_role("button", name="New key…").click()
    bar.get_by_label("Name", exact=True).fill("theirs")
    bar.get_by_role("button", name="Make key").click()
    bar.get_by_label("theirs: copy it now").wait_for()
    assert [key["name"] for key in ask(own, "GET", f"builder/keys?workspaceId={made}")[1]["keys"]] == ["theirs"]
    bar.get_by_role("button", name="New key…").click()
    bar.locator("summary", has_text="Providers").click()
    bar.get_by_role("button", name="Connect…").first.click()
    page.screenshot(path=str(own.root.parent / f"settings-{theme[-5:].strip()}.png"))
    bar.locator("summary", has_text="Providers").click()
    page.screenshot(path=str(own.root.parent / f"people-{theme[-5:].strip()}.png"))
    bar.locator("summary", has_text="Providers").click()
    assert grave_findings(page, BAR) == []
    invited.get_by_role("button", name="Take back").click()
    invited.wait_for(state="detached")
    bar.get_by_role("button", name="Remove bob").press("Enter")
    bar.locator(".jp-bj-setting", has_text="bob").wait_for(state="detached")
    assert page.problems == []
