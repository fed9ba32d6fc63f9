"""Canvases that make media, on a runtime with a journal and files, against providers on loopback."""

import asyncio
import base64
import threading
from dataclasses import replace

import pytest
from media_peer import MP3, MP4, PNG, WAV, Said, media_peer, queue

from builder_jupyter.client.embedded import EmbeddedTransport
from builder_jupyter.client.execution import Execution
from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import Forbidden, InvalidInput, NotFound, TooLarge
from builder_jupyter.graph.dialects.direct import DIRECT
from builder_jupyter.identity.principal import CredentialKind, local_principal
from builder_jupyter.identity.scopes import ALL_SCOPES
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.planning.plan import Mode
from builder_jupyter.planning.planner import plan_canvas, plan_target
from builder_jupyter.services.planning import Entry
from builder_jupyter.services.runtime import Runtime, Settings
from builder_jupyter.validation import validate

ME = local_principal("alice")
PICTURE = Said({"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]})
PAINT = "POST /v1/images/generations"
TRIGGER = {"clientId": "t", "type": "prompt-trigger", "data": {"prompt": "a cat"}}


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "FAL_KEY", "OPENAI_API_KEY", "ELEVENLABS_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def node(name, kind, **data):
    return {"clientId": name, "type": kind, "data": data}


def canvas(*nodes, edges=""):
    """Edges are ``a>b`` or ``a>b:port``; ports that are not named are the first that fit."""
    made = []
    for text in edges.split():
        source, _, rest = text.partition(">")
        target, _, port = rest.partition(":")
        made.append({"source": source, "target": target} | ({"targetPort": port} if port else {}))
    return DIRECT.read({"name": "c", "nodes": list(nodes), "edges": made})


def opened(place, peer=None, *, clock=None, **settings):
    models = ScriptedModels(ScriptedModel(lambda request: f"About {request.messages[-1].content}"))
    providers = {}
    if peer is not None:
        providers = {
            "openai": {"url": f"{peer.url}/v1", "key": "k"},
            "films": {"kind": "queue", "url": peer.url, "models": {"video": "maker/film"}},
            "elevenlabs": {"url": peer.url, "key": "k"},
        }
    made = Settings(place, media_providers=providers, **settings)
    return Runtime(made, models=models, clock=clock or ManualClock())


def start(rt, workflow, **more):
    stored = rt.portal.wait(rt.workflows.create(ME, workflow))
    return rt.portal.wait(rt.executions.start(ME, stored.id, **more)).execution_id


def over(rt, execution_id):
    return rt.portal.wait(rt.executions.wait(ME, execution_id, seconds=30))


def tell(rt, execution_id, status):
    """Follow the events until the execution has this status."""
    for batch in rt.portal.iterate(rt.executions.events(ME, execution_id)):
        if any(event["kind"] == "status" and event["status"] == status for event in batch):
            return
    raise AssertionError(f"it was never {status}")


def turn(rt, clock, seconds):
    async def move():
        clock.advance(seconds)

    rt.portal.wait(move())


def steps(picture):
    return {step["stepId"]: step for step in picture["steps"]}


def transport(rt):
    return EmbeddedTransport(rt, ME)


# -- plans -------------------------------------------------------------------------------------------------------


def test_prompt_text_picture_costs_22_in_three_steps_one_after_another():
    flow = canvas(node("p", "prompt", prompt="x"), node("w", "text-gen"), node("i", "image-gen"), edges="p>w w>i")
    plan = plan_canvas(flow, registry=default_registry())
    assert plan.total_credits == 22
    assert [(step.node_id, step.node_type, step.wave) for step in plan.steps] == [
        ("p", "prompt", 0), ("w", "text-gen", 1), ("i", "generate-image", 2)
    ]  # fmt: skip
    assert (plan.edges[1].source_port, plan.edges[1].target_port) == ("text-out", "prompt-in")


def test_what_never_runs_takes_no_part():
    flow = canvas(
        node("n", "text", text="a note"), node("p", "prompt", prompt="x"), node("w", "text-gen"), node("c", "code"),
        edges="p>w n>w:prompt-in w>c",
    )  # fmt: skip
    assert [step.node_id for step in plan_canvas(flow, registry=default_registry()).steps] == ["p", "w"]
    with pytest.raises(InvalidInput) as caught:
        plan_target(flow, "n", registry=default_registry())
    assert caught.value.code == "NOTHING_TO_RUN"


@pytest.mark.parametrize("kind", ["mcp-tool", "mcp-output", "mcp-credential"])
def test_what_is_announced_cannot_be_placed(kind):
    found = validate(canvas(node("x", kind)), registry=default_registry())
    assert [finding.code for finding in found] == ["NOT_PLACEABLE"]


def test_a_prompt_of_1001_characters_is_refused_and_one_of_1000_is_not(tmp_path):
    with opened(tmp_path) as rt:
        fits = canvas(node("p", "prompt", prompt="x" * 1000), node("w", "text-gen"), edges="p>w")
        assert over(rt, start(rt, fits))["status"] == "completed"
        beyond = canvas(node("p", "prompt", prompt="x" * 1001), node("w", "text-gen"), edges="p>w")
        with pytest.raises(Exception, match="1,001 characters"):
            start(rt, beyond)


def test_only_the_trigger_that_was_started_takes_the_inputs(tmp_path):
    flow = canvas(
        node("t", "prompt-trigger", prompt="own"), node("s", "prompt", prompt="side"), node("w", "text-gen"),
        edges="t>w s>w",
    )  # fmt: skip
    with opened(tmp_path) as rt:
        picture = over(rt, start(rt, flow, entry=Entry(node="t"), inputs={"prompt": "asked"}))
    assert steps(picture)["w"]["outputs"]["text-out"]["value"] == "About asked\n\nside"


# -- pictures and sounds -----------------------------------------------------------------------------------------


def test_a_picture_becomes_an_asset_of_its_canvas(tmp_path):
    with media_peer() as peer, opened(tmp_path, peer) as rt:
        peer.answers[PAINT] = PICTURE
        flow = canvas(TRIGGER, node("i", "generate-image", provider="openai"), edges="t>i")
        picture = over(rt, start(rt, flow))
        assert picture["status"] == "completed", picture["error"]
        value = steps(picture)["i"]["outputs"]["image-out"]
        asset = value["value"]["assetId"]
        assert value == {
            "type": "image",
            "value": {
                "url": f"/api/builder/assets/{asset}", "mimeType": "image/png", "assetId": asset, "width": 256,
                "height": 256,
            },
        }  # fmt: skip
        (listed,) = rt.portal.wait(rt.assets.list(ME, picture["canvasId"]))
        assert (listed["id"], listed["fileName"], listed["size"]) == (asset, "image.png", len(PNG))
        assert rt.portal.wait(rt.assets.read(ME, asset)) == PNG
        last = rt.portal.wait(rt.results.results(ME, picture["canvasId"]))["i"]
        assert last["outputs"] == {"image-out": value}

        run = Execution(transport(rt), picture)
        assert run["i"].image.content == PNG
        assert run["i"].image.save(tmp_path / "x.png").read_bytes() == PNG
        shown = run["i"].image._repr_mimebundle_()
        assert base64.b64decode(shown["image/png"]) == PNG
        with pytest.raises(KeyError):
            _ = run["i"].audio


def test_speech_without_a_network_and_its_way_into_another_voice(tmp_path):
    with media_peer() as peer, opened(tmp_path, peer, media_defaults={"speech": "espeak"}) as rt:
        peer.answers["POST /v1/speech-to-speech/EXAVITQu4vr4xnSDxMaL"] = Said(MP3)
        flow = canvas(
            node("t", "prompt-trigger", prompt="Good morning"), node("speak", "tts"), node("again", "sts"),
            edges="t>speak speak>again",
        )  # fmt: skip
        picture = over(rt, start(rt, flow))
        assert picture["status"] == "completed", picture["error"]
        run = Execution(transport(rt), picture)
        spoken = run["speak"].audio
        assert (spoken.mime_type, spoken["durationSeconds"] > 0.5) == ("audio/wav", True)
        assert spoken.content in peer.asked[0].body
        assert "<audio controls" in spoken._repr_mimebundle_()["text/html"]
        assert run["again"].audio.content == MP3
        assert picture["credits"]["charged"] == 42


def test_the_nodes_own_recording(tmp_path):
    with media_peer() as peer, opened(tmp_path, peer) as rt:
        peer.answers["POST /v1/speech-to-speech/EXAVITQu4vr4xnSDxMaL"] = Said(MP3)
        recording = base64.b64encode(WAV).decode()
        flow = canvas(node("s", "speech-to-speech", audioBase64=recording), node("a", "audio"), edges="s>a")
        picture = whole(rt, flow)
        assert steps(picture)["a"]["outputs"] == steps(picture)["s"]["outputs"]
        assert WAV in peer.asked[0].body
        inside = canvas(
            node("s", "speech-to-speech", audioUrl="https://127.0.0.1/x.wav"), node("a", "audio"), edges="s>a"
        )
        picture = whole(rt, inside)
        assert (picture["status"], picture["error"]["code"]) == ("error", "MEDIA_UNREADABLE")


def whole(rt, flow):
    """Run all that is connected."""
    return over(rt, start(rt, flow, entry=Entry(Mode.CANVAS)))


def test_an_uploaded_picture_is_a_reference(tmp_path):
    with media_peer() as peer, opened(tmp_path, peer) as rt:
        peer.answers["POST /v1/images/edits"] = PICTURE
        asset = rt.portal.wait(rt.assets.add(ME, PNG, "cat.png", "image/png"))
        flow = canvas(
            TRIGGER, node("ref", "image", mediaRef=asset["id"]), node("i", "generate-image"), edges="t>i ref>i"
        )
        assert over(rt, start(rt, flow))["status"] == "completed"
        assert PNG in peer.asked[0].body
        sound = rt.portal.wait(rt.assets.add(ME, WAV, "x.wav", "audio/wav"))
        for reference in (sound["id"], "asset_unknown"):
            wrong = canvas(
                TRIGGER, node("ref", "image", mediaRef=reference), node("i", "generate-image"), edges="t>i ref>i"
            )
            assert over(rt, start(rt, wrong))["error"]["code"] == "MEDIA_UNREADABLE"


def test_where_nobody_is_set_up_the_step_says_what_to_set(tmp_path):
    with opened(tmp_path) as rt:
        picture = over(rt, start(rt, canvas(TRIGGER, node("i", "generate-image"), edges="t>i")))
        assert picture["error"]["code"] == "NOT_CONFIGURED"
        assert "OPENAI_API_KEY" in picture["error"]["message"]
        assert steps(picture)["i"]["attempt"] == 1
        made = over(rt, start(rt, canvas(TRIGGER, node("i", "generate-image", provider="local"), edges="t>i")))
        assert made["status"] == "completed", "placeholders are made for those who ask for them"


def test_what_is_no_picture_fails_after_its_attempts_and_is_not_kept(tmp_path):
    clock = ManualClock()
    with media_peer() as peer, opened(tmp_path, peer, clock=clock) as rt:
        peer.answers[PAINT] = Said({"created": 1, "data": [{"b64_json": base64.b64encode(b"broken").decode()}]})
        execution_id = start(rt, canvas(TRIGGER, node("i", "generate-image"), edges="t>i"))
        for times in (1, 2, 3):
            peer.until(PAINT, times)
            until_paused(rt, execution_id, times)
            turn(rt, clock, 60)
        picture = over(rt, execution_id)
        assert (picture["error"]["code"], len(peer.of(PAINT))) == ("OUTPUT_NOT_MEDIA", 3)
        assert rt.portal.wait(rt.assets.list(ME)) == []


def until_paused(rt, execution_id, attempt):
    """Follow the events until this attempt has failed, for now or for good."""
    failed = 0
    for batch in rt.portal.iterate(rt.executions.events(ME, execution_id)):
        failed += sum(1 for event in batch if event["kind"] == "step" and event.get("error"))
        if failed >= attempt:
            return


def test_of_two_pictures_one_fails_and_the_other_is_skipped(tmp_path):
    clock = ManualClock()
    gate = threading.Event()

    def paint(asked):
        return Said(b"", 500) if b"dog" in asked.body else replace(PICTURE, gate=gate)

    with media_peer() as peer, opened(tmp_path, peer, clock=clock) as rt:
        peer.answers[PAINT] = paint
        flow = canvas(
            TRIGGER, node("dog", "prompt", prompt="dog"), node("a", "generate-image"), node("b", "generate-image"),
            node("after", "image"), edges="t>a dog>b t>b a>after",
        )  # fmt: skip
        execution_id = start(rt, flow, entry=Entry(node="t"))
        try:
            for times in (1, 2, 3):
                until_paused(rt, execution_id, times)
                turn(rt, clock, 60)
            picture = over(rt, execution_id)
        finally:
            gate.set()
        found = {name: (step["status"], step["skipReason"]) for name, step in steps(picture).items()}
        assert found["a"] == ("skipped", "sibling_failed")
        assert found["b"] == ("error", None)
        assert found["after"] == ("skipped", "upstream_failed")
        assert (picture["status"], picture["error"]["stepId"]) == ("error", "b")
        assert picture["credits"] == {"charged": 42, "refunded": 42}


# -- films -------------------------------------------------------------------------------------------------------

FILM = canvas(TRIGGER, node("v", "generate-video"), node("after", "video"), edges="t>v v>after")


def test_a_film_is_waited_for_at_a_waitpoint_with_longer_and_longer_pauses(tmp_path):
    clock = ManualClock()
    with media_peer() as peer, opened(tmp_path, peer, clock=clock) as rt:
        place = queue(peer, looks=7)
        execution_id = start(rt, FILM)
        tell(rt, execution_id, "waiting")
        point = over_or_now(rt, execution_id)["waitingOn"]
        assert (point["kind"], point["provider"]) == ("provider-poll", "films")
        assert point["request"]["externalId"] == "job-1"
        begun = point["deadlineAt"] - 900_000
        pauses = []
        for looks in range(1, 7):
            now = over_or_now(rt, execution_id)["waitingOn"]
            pauses.append(now["pollAt"] - begun - 1000 * sum(pauses))
            pauses[-1] /= 1000
            assert (now["waitpointId"], now["deadlineAt"]) == (point["waitpointId"], point["deadlineAt"])
            turn(rt, clock, pauses[-1])
            peer.until(f"GET {place}/status", looks)
            waits_again(rt, execution_id, looks)
        turn(rt, clock, 30)
        picture = over(rt, execution_id)
        assert pauses == [5, 7.5, 11.25, 16.875, pytest.approx(25.3125, abs=0.001), 30]
        assert steps(picture)["after"]["outputs"]["video-out"]["value"]["mimeType"] == "video/mp4"
        assert Execution(transport(rt), picture)["v"].video.content == MP4
        assert len(peer.of("POST /maker/film")) == 1
        assert picture["credits"]["charged"] == 621


def over_or_now(rt, execution_id):
    return rt.portal.wait(rt.executions.snapshot(ME, execution_id))


def waits_again(rt, execution_id, looks):
    """Follow the events until the step waits after so many looks."""
    waiting = 0
    for batch in rt.portal.iterate(rt.executions.events(ME, execution_id)):
        waiting += sum(1 for event in batch if event["kind"] == "waitpoint" and "ended" not in event)
        if waiting > looks:
            return


def test_a_look_that_fails_for_now_is_no_failure_of_the_film(tmp_path):
    clock = ManualClock()
    with media_peer() as peer, opened(tmp_path, peer, clock=clock) as rt:
        place = queue(peer)
        done = peer.answers[f"GET {place}/status"][-1]
        peer.answers[f"GET {place}/status"] = [Said({}, 429, {"Retry-After": "50"}), Said({}, 503), done]
        execution_id = start(rt, FILM)
        tell(rt, execution_id, "waiting")
        turn(rt, clock, 5)
        waits_again(rt, execution_id, 1)
        point = over_or_now(rt, execution_id)["waitingOn"]
        assert point["pollAt"] - (point["deadlineAt"] - 900_000) == 55_000, "what the provider asked for"
        turn(rt, clock, 50)
        waits_again(rt, execution_id, 2)
        turn(rt, clock, 30)
        picture = over(rt, execution_id)
        assert (picture["status"], steps(picture)["v"]["attempt"]) == ("completed", 1)


def test_a_film_that_never_comes_fails_at_its_deadline_and_the_provider_is_told(tmp_path):
    clock = ManualClock()
    with media_peer() as peer, opened(tmp_path, peer, clock=clock) as rt:
        place = queue(peer)
        peer.answers[f"GET {place}/status"] = Said({"status": "IN_QUEUE"})
        execution_id = start(rt, FILM)
        tell(rt, execution_id, "waiting")
        turn(rt, clock, 901)
        picture = over(rt, execution_id)
        assert (picture["status"], picture["error"]["code"]) == ("error", "provider_timeout")
        peer.until(f"PUT {place}/cancel")


def test_cancelling_while_a_film_is_made(tmp_path):
    clock = ManualClock()
    with media_peer() as peer, opened(tmp_path, peer, clock=clock) as rt:
        place = queue(peer)
        execution_id = start(rt, FILM)
        tell(rt, execution_id, "waiting")
        rt.portal.wait(rt.executions.cancel(ME, execution_id))
        picture = over(rt, execution_id)
        found = {name: (step["status"], step["skipReason"]) for name, step in steps(picture).items()}
        assert picture["status"] == "cancelled"
        assert found["v"] == found["after"] == ("skipped", "cancelled")
        assert picture["credits"] == {"charged": 621, "refunded": 621}
        peer.until(f"PUT {place}/cancel")
        turn(rt, clock, 3600)
        assert peer.of(f"GET {place}/status") == [], "nobody looks any more"
        assert over(rt, execution_id) == picture


def test_a_result_that_comes_after_the_cancellation_is_dropped(tmp_path):
    clock = ManualClock()
    gate = threading.Event()
    with media_peer() as peer, opened(tmp_path, peer, clock=clock) as rt:
        place = queue(peer)
        execution_id = start(rt, FILM)
        tell(rt, execution_id, "waiting")
        peer.answers[f"GET {place}/status"] = Said({"status": "COMPLETED"}, gate=gate)
        turn(rt, clock, 5)
        peer.until(f"GET {place}/status")
        rt.portal.wait(rt.executions.cancel(ME, execution_id))
        gate.set()
        peer.until(f"PUT {place}/cancel")
        picture = over(rt, execution_id)
        assert (picture["status"], steps(picture)["v"]["outputs"]) == ("cancelled", {})
        assert rt.portal.wait(rt.assets.list(ME)) == []


def test_a_film_that_is_begun_while_the_run_is_cancelled_is_cancelled_too(tmp_path):
    gate = threading.Event()
    with media_peer() as peer, opened(tmp_path, peer) as rt:
        place = queue(peer)
        peer.answers["POST /maker/film"] = Said({"request_id": "job-1"}, gate=gate)
        execution_id = start(rt, FILM)
        peer.until("POST /maker/film")
        rt.portal.wait(rt.executions.cancel(ME, execution_id))
        assert over(rt, execution_id)["status"] == "cancelled"
        gate.set()
        peer.until(f"PUT {place}/cancel")


def test_a_restart_while_a_film_is_made_goes_on_at_the_same_waitpoint(tmp_path):
    with media_peer() as peer:
        place = queue(peer)
        first = ManualClock()
        with opened(tmp_path, peer, clock=first) as rt:
            execution_id = start(rt, FILM)
            tell(rt, execution_id, "waiting")
            before = over_or_now(rt, execution_id)["waitingOn"]
        clock = ManualClock(first.now())
        with opened(tmp_path, peer, clock=clock) as rt:
            assert over_or_now(rt, execution_id)["waitingOn"] == before
            turn(rt, clock, 5)
            picture = over(rt, execution_id)
        assert picture["status"] == "completed"
        assert len(peer.of("POST /maker/film")) == 1, "it is not submitted again"
        assert peer.of(f"PUT {place}/cancel") == []


def test_an_answer_from_outside_only_makes_the_step_look(tmp_path):
    with media_peer() as peer, opened(tmp_path, peer) as rt:
        place = queue(peer)
        execution_id = start(rt, FILM)
        tell(rt, execution_id, "waiting")
        point = over_or_now(rt, execution_id)["waitingOn"]
        work = rt.waitpoints.complete(ME, point["waitpointId"], {"url": "https://evil.example/x.mp4"})
        rt.portal.wait(work)
        picture = over(rt, execution_id)
        assert Execution(transport(rt), picture)["v"].video.content == MP4
        assert len(peer.of(f"GET {place}/status")) == 1


# -- assets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"", "image/png", "EMPTY_FILE"),
        (PNG, "application/pdf", "UNSUPPORTED_MEDIA_TYPE"),
        (b"<html>", "image/png", "NOT_THAT_MEDIA_TYPE"),
        (PNG, "audio/wav", "NOT_THAT_MEDIA_TYPE"),
    ],
)
def test_what_is_no_asset_leaves_nothing_behind(tmp_path, content, kind, code):
    with opened(tmp_path) as rt:
        with pytest.raises(InvalidInput) as caught:
            rt.portal.wait(rt.assets.add(ME, content, "x.png", kind))
        assert caught.value.code == code
        with pytest.raises(TooLarge):
            rt.portal.wait(rt.assets.add(ME, PNG + bytes(20 * 2**20), "x.png", "image/png"))
        assert rt.portal.wait(rt.assets.list(ME)) == []
        assert not list((tmp_path / "artefacts").glob("*")) if (tmp_path / "artefacts").exists() else True


def test_assets_belong_to_a_workspace_and_share_their_content(tmp_path):
    other = replace(ME, name="mallory", workspace="elsewhere")
    with opened(tmp_path) as rt:
        mine = rt.portal.wait(rt.assets.add(ME, PNG, "../../etc/cat.png", "image/x-png"))
        again = rt.portal.wait(rt.assets.add(ME, PNG, "C:\\x\\dog.png", "image/png"))
        theirs = rt.portal.wait(rt.assets.add(other, PNG, "cat.png", "image/png"))
        assert (mine["fileName"], again["fileName"], mine["mimeType"]) == ("cat.png", "dog.png", "image/png")
        files = list((tmp_path / "artefacts").glob("*.asset"))
        assert len(files) == 1
        for act in (rt.assets.get, rt.assets.read, rt.assets.delete):
            with pytest.raises(NotFound):
                rt.portal.wait(act(other, mine["id"]))
        for principal, asset in ((ME, mine), (ME, again)):
            rt.portal.wait(rt.assets.delete(principal, asset["id"]))
            assert rt.portal.wait(rt.assets.read(other, theirs["id"])) == PNG
        rt.portal.wait(rt.assets.delete(other, theirs["id"]))
        assert not files[0].exists()
        back = rt.portal.wait(rt.assets.add(ME, PNG, "cat.png", "image/png"))
        assert rt.portal.wait(rt.assets.read(ME, back["id"])) == PNG


def test_an_ordinary_user_sees_what_they_uploaded_and_what_is_of_their_canvases(tmp_path):
    bob = replace(ME, name="bob", is_admin=False, credential=CredentialKind.JWT, scopes=ALL_SCOPES)
    with opened(tmp_path) as rt:
        flow = rt.portal.wait(rt.workflows.create(ME, FILM))
        loose = rt.portal.wait(rt.assets.add(ME, PNG, "a.png", "image/png"))
        shared = rt.portal.wait(rt.assets.add(ME, PNG, "b.png", "image/png", flow.id))
        own = rt.portal.wait(rt.assets.add(bob, WAV, "c.wav", "audio/wav"))

        def seen():
            return {asset["id"] for asset in rt.portal.wait(rt.assets.list(bob))}

        assert seen() == {own["id"]}
        with pytest.raises(NotFound):
            rt.portal.wait(rt.assets.add(bob, PNG, "d.png", "image/png", flow.id))
        rt.portal.wait(rt.access.grant(ME, flow.id, "user:bob", ["view"]))
        assert seen() == {own["id"], shared["id"]}
        assert rt.portal.wait(rt.assets.read(bob, shared["id"])) == PNG
        with pytest.raises(Forbidden):
            rt.portal.wait(rt.assets.delete(bob, shared["id"]))
        with pytest.raises(NotFound):
            rt.portal.wait(rt.assets.read(bob, loose["id"]))
        rt.portal.wait(rt.assets.delete(bob, own["id"]))


def test_an_attempt_that_is_made_again_keeps_nothing_twice(tmp_path):
    with opened(tmp_path) as rt:
        kept = [
            rt.portal.wait(rt.assets.keep("default", PNG, "image/png", stem="image", canvas_id=None, key="exec/n/1"))
            for _ in range(2)
        ]
        assert kept[0] == kept[1]
        assert len(rt.portal.wait(rt.assets.list(ME))) == 1


def test_the_portal_stays_free_while_many_are_kept(tmp_path):
    with opened(tmp_path) as rt:

        async def many():
            return await asyncio.gather(*(rt.assets.add(ME, PNG, f"{i}.png", "image/png") for i in range(20)))

        assert len({asset["id"] for asset in rt.portal.wait(many())}) == 20
