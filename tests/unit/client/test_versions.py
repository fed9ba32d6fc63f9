"""A saved workflow and its history, through a client."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace

import pytest

from builder_jupyter.client import default
from builder_jupyter.client.client import Client
from builder_jupyter.client.saved import SavedWorkflow
from builder_jupyter.errors import NotFound
from builder_jupyter.graph.model import FrozenDict, Workflow

Chain = Callable[..., Workflow]
ONE = {"id": "a", "type": "agent", "data": {"prompt": "one"}}
TWO = {"id": "a", "type": "agent", "data": {"prompt": "two"}}


@pytest.fixture
def saved(client: Client, chain: Chain) -> SavedWorkflow:
    client.save(chain(ONE))
    client.save(chain(TWO), "Second thoughts")
    return client.save(replace(chain(TWO), description="new"))


def test_what_a_client_saves_is_still_that_workflow(client: Client, chain: Chain) -> None:
    plain = chain(ONE)
    saved = client.save(plain)
    assert isinstance(saved, SavedWorkflow)
    assert (saved == plain, plain == saved, saved != plain) == (True, True, False)
    assert hash(saved) == hash(plain)
    assert saved != chain(TWO)
    assert saved != "chain"
    assert client.workflow("chain") == saved
    changed = replace(saved, name="other")
    assert (changed.id, changed.name, changed.versions()["version"].tolist()) == (saved.id, "other", [1])
    assert repr(saved) == repr(plain)
    for copied in (pickle.loads(pickle.dumps(saved)), copy.deepcopy(saved), copy.copy(saved)):
        assert (copied, copied.id) == (saved, saved.id)
    assert type(pickle.loads(pickle.dumps(saved))) is Workflow
    assert saved.to_dict() == plain.to_dict()


def test_versions_are_a_dataframe(saved: SavedWorkflow) -> None:
    frame = saved.versions()
    assert frame.columns.tolist() == ["version", "created_at", "created_by", "message", "published"]
    assert frame["version"].tolist() == [3, 2, 1]
    assert frame["message"].tolist() == ["Updated workflow", "Second thoughts", "Initial version"]
    assert str(frame["created_at"].dtype).startswith("datetime64[")
    assert "UTC" in str(frame["created_at"].dtype)
    assert frame["published"].tolist() == [False, False, False]


def test_differences(client: Client, saved: SavedWorkflow) -> None:
    since = saved.diff(1)
    assert since.titles == ("version 1", "now")
    assert since.lines == ('~ description: "" -> "new"', "~ node a (agent)", '    data.prompt: "one" -> "two"')
    assert saved.diff(1, 2).lines == ("~ node a (agent)", '    data.prompt: "one" -> "two"')
    assert client.diff("chain", 2).lines == ('~ description: "" -> "new"',)
    assert saved.diff().is_empty
    assert replace(saved, description="unsaved").diff().lines == ('~ description: "new" -> "unsaved"',)
    saved.publish(1)
    assert saved.diff(3).is_empty, "what is published is no part of the content"
    for version in (0, 4):
        with pytest.raises(NotFound) as refused:
            saved.diff(version)
        assert refused.value.code == "VERSION_NOT_FOUND"


def test_rollback(client: Client, saved: SavedWorkflow) -> None:
    back = saved.rollback(1)
    assert back == client.workflow("chain") == client.workflow("chain", 1)
    assert back.node("a").data["prompt"] == "one"
    assert (back.id, back.description) == (saved.id, "")
    assert back.versions()["message"].tolist()[0] == "Rolled back to version 1"
    assert saved.description == "new", "a value does not change"
    with pytest.raises(NotFound):
        saved.rollback(9)


def test_publishing_changes_no_content(client: Client, chain: Chain, saved: SavedWorkflow) -> None:
    assert (saved.publish(2), saved.publish()) == (2, 3)
    assert saved.publish(2) == 2
    assert saved.versions()["published"].tolist() == [False, True, False]
    found = client.workflow("chain")
    assert (found.metadata["deployed"], found.metadata["deployed_version"]) == (True, 2)
    assert client.workflow("chain", 3).metadata["deployed"] is False
    assert client.save(found).versions()["version"].tolist() == [3, 2, 1]
    assert client.save(replace(chain(TWO), description="new")).versions()["version"].tolist() == [3, 2, 1]
    client.save(replace(found, description="newer"))
    assert client.workflow("chain").metadata["deployed_version"] == 2
    saved.unpublish()
    assert client.workflow("chain").metadata["deployed"] is False
    assert saved.versions()["published"].tolist() == [False] * 4
    elsewhere = client.save(replace(found, name="copy"))
    assert "deployed" not in elsewhere.metadata, "a copy is not published where nobody has published it"


def test_by_name_by_id_and_as_a_value(client: Client, chain: Chain, saved: SavedWorkflow) -> None:
    for wanted in ("chain", saved.id or "", saved, chain(ONE)):
        assert client.versions(wanted)["version"].tolist() == [3, 2, 1]
    with pytest.raises(NotFound) as refused:
        client.versions("nothing")
    assert refused.value.code == "WORKFLOW_NOT_FOUND"


def test_saving_with_the_default_client(client: Client, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default, "default_client", lambda: client)
    saved = default.save(replace(chain(ONE), metadata=FrozenDict(tags=["t"])), "Why")
    assert saved.versions()["message"].tolist() == ["Why"]
