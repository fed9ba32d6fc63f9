"""Code of workflows in a notebook."""

from __future__ import annotations

import pytest

import builder_jupyter as bj
from builder_jupyter.client.client import Client
from builder_jupyter.client.code import Code
from builder_jupyter.client.embedded import open_embedded
from builder_jupyter.errors import Unprocessable

WORKFLOW = bj.Workflow.from_dict({
    "name": "Hello", "nodes": [{"id": "start", "type": "start"}, {"id": "end", "type": "end"}],
    "edges": [{"source": "start", "target": "end"}],
})  # fmt: skip


def test_code_shows_itself_and_is_highlighted() -> None:
    code = Code('x = """```"""\n', "x.py")
    assert repr(code) == code.text
    shown = code._repr_mimebundle_()
    assert shown["text/plain"] == code.text
    assert shown["text/markdown"] == f"````python\n{code.text}\n````"


def test_saving_writes_the_file(tmp_path) -> None:
    path = Code("x = 'ä'\n", "x.py").save(tmp_path)
    assert path == tmp_path / "x.py"
    assert path.read_bytes() == "x = 'ä'\n".encode()


def test_a_workflow_becomes_code() -> None:
    with Client(open_embedded()) as client:
        code = client.to_langgraph(WORKFLOW, checkpoint_config=True)
        assert code.filename == "hello.py"
        assert "workflow.add_edge(START, END)" in code.text
        assert "InMemorySaver" in code.text
        with pytest.raises(Unprocessable, match="End node"):
            client.to_langgraph(bj.Workflow("x", WORKFLOW.nodes[:1]))
        with pytest.raises(TypeError):
            client.to_langgraph(WORKFLOW, no_such_option=True)


def test_the_method_of_a_workflow_is_the_public_function() -> None:
    assert repr(WORKFLOW.to_langgraph(async_mode=True)) == repr(bj.to_langgraph(WORKFLOW, async_mode=True))
