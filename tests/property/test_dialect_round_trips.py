import json

from hypothesis import given
from hypothesis import strategies as st
from strategies import direct_documents, documents, json_values, node_documents, texts, workflows

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.dialects import BUILDER, read, read_text, unwrap, write_text
from builder_jupyter.graph.model import Profile


def faults_of(call, body):
    try:
        call(body)
    except InvalidInput as error:
        return error.details
    return []


any_workflow = st.one_of(workflows(Profile.BUILDER), workflows(Profile.DIRECT))


@given(any_workflow)
def test_a_workflow_survives_writing_and_reading(workflow):
    document = workflow.to_dict()
    assert read(document) == workflow
    assert json.loads(json.dumps(document)) == document
    assert hash(read(document)) == hash(workflow)


@given(documents)
def test_a_document_survives_reading_and_writing(document):
    written = read(document).to_dict()
    assert written == document
    assert json.dumps(written, sort_keys=True) == json.dumps(document, sort_keys=True)  # ints are still ints


@given(any_workflow)
def test_a_workflow_survives_its_text(workflow):
    text = write_text(workflow)
    assert read_text(text) == workflow
    assert write_text(read_text(text)) == text


@given(documents)
def test_a_document_survives_its_text(document):
    workflow = read(document)
    assert read_text(write_text(workflow)).to_dict() == document


@given(
    st.one_of(
        json_values,
        st.fixed_dictionaries(
            {},
            optional={
                "name": json_values,
                "nodes": st.one_of(json_values, st.lists(st.one_of(json_values, node_documents()))),
                "edges": st.one_of(json_values, st.lists(json_values)),
                "metadata": json_values,
                "dialect": json_values,
                "workflow": json_values,
                "layout": json_values,
            },
        ),
    )
)
def test_any_body_is_read_or_refused(body):
    calls = (
        read,
        BUILDER.read_graph,
        BUILDER.read_create,
        BUILDER.read_update,
        lambda b: read_text(json.dumps(b)),
        lambda b: BUILDER.read(unwrap(b)),
    )
    for call in calls:
        assert all(fault["field"] and fault["error"] for fault in faults_of(call, body))


@given(texts)
def test_any_text_is_read_or_refused(text):
    assert all(fault["field"] == "body" for fault in faults_of(read_text, text))


@given(direct_documents)
def test_a_canvas_keeps_its_profile(document):
    assert read(document).profile is Profile.DIRECT
