"""What the media nodes make of their data: clamped numbers, prices, ports, and which files are what they say."""

import hypothesis.strategies as st
import pytest
from hypothesis import given
from media_peer import GIF, MP3, MP4, PNG, WAV
from stage import context

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.drawing.catalogue import catalogue
from builder_jupyter.errors import BuilderError, InvalidInput, NotConfigured, StepError, TooLarge
from builder_jupyter.graph.dialects.direct import DIRECT
from builder_jupyter.graph.model import Node, PortType, Profile
from builder_jupyter.nodes.base import PortValue
from builder_jupyter.nodes.generate_image import GenerateImage, GenerateImageData
from builder_jupyter.nodes.generate_sfx import GenerateSfx, GenerateSfxData
from builder_jupyter.nodes.generate_video import GenerateVideo
from builder_jupyter.nodes.media_types import KNOWN_TYPES, MAX_BYTES, canonical, check, guess, measures
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.nodes.speech_to_speech import SpeechToSpeech
from builder_jupyter.nodes.stored_media import AudioNode, ImageNode
from builder_jupyter.nodes.text_gen import TextGen, TextGenData
from builder_jupyter.nodes.text_to_speech import TextToSpeech, TextToSpeechData

NUMBERS = st.floats(allow_nan=False) | st.integers(-(10**9), 10**9)
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>'
JPEG = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc0\x00\x11\x08\x00\x30\x00\x40\x03" + bytes(16)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_numbers_are_clamped_and_not_refused(part, speed, duration):
    voice = TextToSpeechData.model_validate(
        {"stability": part, "similarityBoost": part, "style": part, "speed": speed, "speakerBoost": True}
    )
    assert voice.stability == voice.similarityBoost == voice.style == min(max(part, 0), 1)
    assert voice.speed == min(max(speed, 0.7), 1.2)
    sound = GenerateSfxData.model_validate({"duration": duration, "promptInfluence": part})
    assert sound.duration == min(max(duration, 0.5), 30)
    assert sound.promptInfluence == voice.style


def test_what_is_left_open_is_not_sent():
    assert GenerateSfx().settings_of(GenerateSfxData()) == {"duration": 5.0}
    assert TextToSpeech().settings_of(TextToSpeechData(text="x", voiceId="v", provider="p")) == {"voiceId": "v"}
    data = GenerateImageData.model_validate({"prompt": "x", "seed": 1, "aspectRatio": "1:1", "own": "kept"})
    assert GenerateImage().settings_of(data) == {"seed": 1, "aspectRatio": "1:1"}
    with pytest.raises(ValueError, match="aspectRatio"):
        GenerateImageData(aspectRatio="wide")


def test_prices_ports_and_times():
    kinds = {kind["type"]: kind for kind in catalogue(default_registry(), Profile.DIRECT)}
    assert {name: kind["credits"] for name, kind in kinds.items() if kind["credits"]} == {
        "text-gen": 1, "generate-image": 21, "generate-video": 621, "text-to-speech": 21, "speech-to-speech": 21,
        "generate-sfx": 21,
    }  # fmt: skip
    assert not {"mcp-tool", "mcp-output", "mcp-credential"} & kinds.keys()
    wanted = {
        "generate-image": [("prompt-in", True, True), ("reference-in", False, False)],
        "generate-video": [
            ("prompt-in", True, True), ("start-frame-in", False, False), ("last-frame-in", False, False),
            ("reference-images-in", False, True), ("reference-videos-in", False, True),
            ("reference-audio-in", False, True),
        ],
        "text-to-speech": [("prompt-in", True, False)],
        "speech-to-speech": [("audio-in", True, False)],
        "generate-sfx": [("prompt-in", True, True)],
        "image": [("image-in", False, False)],
        "text": [], "shape": [], "document": [], "code": [], "easy-connect": [],
    }  # fmt: skip
    for name, ports in wanted.items():
        assert [(port["name"], port["required"], port["multiple"]) for port in kinds[name]["inputs"]] == ports
    times = {kind.type: kind.timeout_seconds for kind in (GenerateImage, GenerateVideo, TextToSpeech, SpeechToSpeech)}
    assert times == {"generate-image": 180, "generate-video": 60, "text-to-speech": 120, "speech-to-speech": 120}
    assert all(kind.retry.max_attempts == 3 for kind in (GenerateImage, GenerateVideo, TextToSpeech, GenerateSfx))


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("image-gen", "generate-image"), ("video-gen", "generate-video"), ("sfx-gen", "generate-sfx"),
        ("tts", "text-to-speech"), ("sts", "speech-to-speech"),
    ],
)  # fmt: skip
def test_short_names_are_stored_as_the_long_ones(alias, name):
    read = DIRECT.read({"name": "x", "nodes": [{"clientId": "a", "type": alias}], "edges": []})
    assert DIRECT.write(read)["nodes"][0]["type"] == name


def test_the_model_of_text_generation():
    assert TextGenData(provider="google", model="gemini-x").model_name == "google:gemini-x"
    assert TextGenData(provider="google", model="openai:gpt").model_name == "openai:gpt"
    assert TextGenData(provider="google").model_name is None
    assert TextGenData(model="m").model_name == "m"
    with pytest.raises(ValueError, match="reasoningEffort"):
        TextGenData(reasoningEffort="boundless")


def test_own_inputs_stand_in_for_wires():
    def own(kind, port, **data):
        return kind().own_input(Node("n", kind.type, data), port)

    assert own(GenerateImage, "prompt-in", prompt="x")
    assert not own(GenerateImage, "prompt-in", prompt=" ")
    assert own(TextToSpeech, "prompt-in", text="x")
    assert own(SpeechToSpeech, "audio-in", audioUrl="https://x.example/a.mp3")
    assert not own(SpeechToSpeech, "audio-in")


async def test_without_a_place_for_media_the_step_says_so():
    made, _ = context("generate-image", {"prompt": "x"})
    with pytest.raises(NotConfigured):
        await GenerateImage().run(made)


def test_a_picture_on_the_canvas_hands_on_what_is_wired_else_its_own():
    made, _ = context("image", {"mediaRef": "asset_1", "mimeType": "image/gif", "naturalWidth": 4, "src": "x"})
    assert ImageNode().decide(made).outputs["image-out"] == PortValue(
        PortType.IMAGE,
        {"url": "/api/builder/assets/asset_1", "mimeType": "image/gif", "assetId": "asset_1", "width": 4},
    )
    made.ports = {"image-in": [PortValue(PortType.IMAGE, {"url": "wired"})]}
    assert ImageNode().decide(made).outputs["image-out"].value == {"url": "wired"}
    elsewhere, _ = context("audio", {"src": "https://x.example/a", "duration": 2.5})
    assert AudioNode().decide(elsewhere).outputs["audio-out"].value == {
        "url": "https://x.example/a", "mimeType": "audio/mpeg", "durationSeconds": 2.5,
    }  # fmt: skip
    with pytest.raises(StepError) as caught:
        ImageNode().decide(context("image", {})[0])
    assert caught.value.code == "NO_MEDIA"


# -- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind", "found"),
    [
        (PNG, "image/png", "image/png"), (GIF, "image/gif", "image/gif"), (JPEG, "image/jpg", "image/jpeg"),
        (SVG, "image/svg+xml", "image/svg+xml"), (MP4, "video/mp4; codecs=avc1", "video/mp4"),
        (MP4, "video/x-mov", "video/quicktime"), (WAV, "audio/x-wav", "audio/wav"), (MP3, "AUDIO/MP3", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg", "audio/mpeg"), (b"\xff\xf1\x50\x80", "audio/aac", "audio/aac"),
        (b"OggS....", "audio/ogg", "audio/ogg"), (b"fLaC....", "audio/x-flac", "audio/flac"),
        (b"RIFF....AVI LIST", "video/avi", "video/x-msvideo"), (b"\x1aE\xdf\xa3....", "audio/webm", "audio/webm"),
        (b"RIFF....WEBPVP8 ", "image/webp", "image/webp"), (b"....ftypavif....", "image/avif", "image/avif"),
    ],
)  # fmt: skip
def test_files_are_what_they_say(content, kind, found):
    assert check(content, kind) == found


@given(st.binary(max_size=64), st.sampled_from(KNOWN_TYPES))
def test_any_bytes_are_judged_and_measured(content, kind):
    try:
        found = check(content, kind)
    except InvalidInput as error:
        assert error.code in {"EMPTY_FILE", "NOT_THAT_MEDIA_TYPE"}  # noqa: PT017 - the other way is fine, too
    else:
        assert found == canonical(found)
        assert all(isinstance(value, int | float) for value in measures(content, found).values())
        assert guess(content) is not None


@given(st.binary(max_size=200))
def test_what_begins_like_a_file_and_goes_on_otherwise_is_measured_or_not(rest):
    for content, kind in (
        (PNG[:12], "image/png"),
        (JPEG[:3], "image/jpeg"),
        (GIF[:6], "image/gif"),
        (WAV[:12], "audio/wav"),
    ):
        measures(content + rest, kind)


def test_measures():
    assert measures(JPEG, "image/jpeg") == {"width": 64, "height": 48}
    assert measures(WAV, "audio/wav") == {"durationSeconds": 0.5}


@pytest.mark.parametrize(("content", "kind"), [(PNG, "image/png"), (WAV, "audio/wav"), (MP4, "video/mp4")])
def test_the_largest_files(content, kind, monkeypatch):
    limits = {name: len(content) for name in MAX_BYTES}
    monkeypatch.setattr("builder_jupyter.nodes.media_types.MAX_BYTES", limits)
    assert check(content, kind) == kind
    with pytest.raises(TooLarge):
        check(content + b"x", kind)
    assert {name: limit // 2**20 for name, limit in MAX_BYTES.items()} == {"image": 20, "audio": 50, "video": 500}


def test_errors_of_files_are_ours():
    for kind in ("application/pdf", "text/html", "", "image/tiff"):
        with pytest.raises(BuilderError):
            check(PNG, kind)


async def test_effort_and_verbosity_reach_the_model():
    model = ScriptedModel(["x"])
    data = {"prompt": "p", "reasoningEffort": "minimal", "textVerbosity": "low", "provider": "google", "model": "g"}
    made, _ = context("text-gen", data, model=model)
    await TextGen().run(made)
    assert (model.requests[0].reasoning_effort, model.requests[0].verbosity) == ("minimal", "low")
