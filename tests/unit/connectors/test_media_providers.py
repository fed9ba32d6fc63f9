"""Providers of media over the wire: what they are sent, what is taken from them, and what their failures become."""

import asyncio
import base64
import io
import threading
import wave

import pytest
from media_peer import GIF, MP3, MP4, PNG, WAV, Said, media_peer, queue

from builder_jupyter.connectors import local_media
from builder_jupyter.connectors.elevenlabs_media import DEFAULT_VOICE
from builder_jupyter.connectors.media_hub import MediaHub
from builder_jupyter.connectors.media_peers import fetching
from builder_jupyter.connectors.media_settings import BUILT_IN, read_defaults, read_providers
from builder_jupyter.connectors.outbound import Outbound
from builder_jupyter.errors import NotConfigured, ProviderError, StepError
from builder_jupyter.nodes.media import Action, Done, MediaFile, MediaRequest, Pending, Wanted
from builder_jupyter.nodes.media_types import check, measures

KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY", "FAL_KEY", "OPENAI_API_KEY", "ELEVENLABS_API_KEY")
PICTURE = MediaFile(PNG, "image/png")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


def hub(configured=None, defaults=None, **more):
    providers, faults = read_providers(configured or {})
    chosen, more_faults = read_defaults(defaults or {}, providers)
    assert not faults + more_faults
    return MediaHub(providers, chosen, more.pop("fetch", fetching(Outbound())), **more)


def model(action, configured=None, *, provider=None, name=None, **more):
    return asyncio.run(hub(configured, **more).get(Wanted(action, provider, name), "default"))[1]


def failure(work):
    with pytest.raises(StepError) as caught:
        asyncio.run(work)
    return caught.value


# -- choosing --------------------------------------------------------------------------------------------------


def test_without_any_key_the_error_names_what_to_set():
    for action, variable in ((Action.IMAGE, "FAL_KEY"), (Action.VIDEO, "FAL_KEY"), (Action.SFX, "ELEVENLABS_API_KEY")):
        with pytest.raises(NotConfigured) as caught:
            model(action)
        assert variable in str(caught.value)
        assert "'local'" in caught.value.hint, "placeholders are offered, never used by themselves"
    with pytest.raises(NotConfigured, match="ELEVENLABS_API_KEY"):
        model(Action.VOICE)


def test_speech_needs_no_key():
    assert model(Action.SPEECH).name == "espeak:espeak-ng"


@pytest.mark.parametrize(
    ("action", "variable", "expected"),
    [
        (Action.IMAGE, "FAL_KEY", "fal:fal-ai/flux-2"),
        (Action.IMAGE, "OPENAI_API_KEY", "openai:gpt-image-2.5-flare"),
        (Action.VIDEO, "FAL_KEY", "fal:bytedance/seedance-2.0/reference-to-video"),
        (Action.SPEECH, "ELEVENLABS_API_KEY", "elevenlabs:eleven_multilingual_v2"),
        (Action.VOICE, "ELEVENLABS_API_KEY", "elevenlabs:eleven_multilingual_sts_v2"),
        (Action.SFX, "ELEVENLABS_API_KEY", "elevenlabs:eleven_text_to_sound_v2"),
    ],
)
def test_a_key_is_enough(monkeypatch, action, variable, expected):
    monkeypatch.setenv(variable, "k")
    assert model(action).name == expected


def test_a_named_provider_is_taken_or_refused(monkeypatch):
    assert model(Action.IMAGE, provider="local").name == "local:placeholder"
    assert model(Action.IMAGE, defaults={"image": "local"}).name == "local:placeholder"
    with pytest.raises(NotConfigured, match="FAL_KEY"):
        model(Action.IMAGE, provider="fal")
    with pytest.raises(StepError, match="no provider 'nobody'"):
        model(Action.IMAGE, provider="nobody")
    with pytest.raises(StepError, match="does not make a video"):
        model(Action.VIDEO, provider="openai")
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    with pytest.raises(NotConfigured, match="no default model"):
        model(Action.IMAGE, provider="google")
    assert model(Action.IMAGE, provider="google", name="imagen").name == "google:imagen"
    with pytest.raises(StepError, match="owner/app"):
        model(Action.IMAGE, {"fal": {"key": "x"}}, provider="fal", name="../admin")


def test_a_workspace_with_a_key_of_its_own_uses_that(monkeypatch):
    monkeypatch.setenv("FAL_KEY", "ours")

    async def credential(workspace, provider):
        return {"apiKey": "theirs"} if (workspace, provider) == ("acme", "fal") else None

    found = hub(credential=credential)
    for workspace, key in (("acme", "theirs"), ("default", "ours")):
        chosen = asyncio.run(found.get(Wanted(Action.IMAGE), workspace))[1]
        assert chosen.peer.headers == {"Authorization": f"Key {key}"}
        assert key not in repr(chosen)


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"kind": "smoke", "url": "http://h"}, "kind"),
        ({"kind": "queue", "url": "ftp://h"}, "url"),
        ({"kind": "queue", "url": "http://h", "secret": "x"}, "unknown"),
        ({"kind": "queue", "url": "http://h", "models": {"smell": "m"}}, "models"),
        ([], "texts"),
    ],
)
def test_what_is_configured_wrongly_is_left_out_with_a_sentence(entry, word):
    providers, faults = read_providers({"mine": entry})
    assert list(providers) == [one.name for one in BUILT_IN]
    assert word in faults[0]
    assert read_defaults({"image": "espeak", "smell": "local"}, providers)[1]


# -- a queue ---------------------------------------------------------------------------------------------------


def film(peer, **entry):
    mine = {"kind": "queue", "url": peer.url, "key": "${MEDIA_TEST_KEY}", "models": {"video": "maker/film"}, **entry}
    return model(Action.VIDEO, {"mine": mine})


def test_a_film_is_submitted_looked_at_and_fetched(monkeypatch):
    monkeypatch.setenv("MEDIA_TEST_KEY", "secret")
    with media_peer() as peer:
        place = queue(peer, looks=3)
        made = film(peer)
        settings = {"aspectRatio": "16:9", "duration": 5, "seed": 7, "resolution": "720p"}
        files = {"start_frame": [PICTURE], "last_frame": [PICTURE], "reference_images": [PICTURE, PICTURE]}
        request = MediaRequest(Action.VIDEO, prompt="a cat", files=files, settings=settings, key="e/n/1")

        async def work():
            begun = await made.submit(request)
            assert begun == Pending("job-1")
            assert [await made.poll("job-1"), await made.poll("job-1")] == [begun, begun]
            return await made.poll("job-1")

        assert asyncio.run(work()) == Done(MediaFile(MP4, "video/mp4"))
        sent = peer.of("POST /maker/film")[0]
        assert sent.headers["authorization"] == "Key secret"
        assert sent.headers["idempotency-key"] == "e/n/1"
        image = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
        assert sent.json == {
            "prompt": "a cat", "aspect_ratio": "16:9", "duration": 5, "seed": 7, "resolution": "720p",
            "image_url": image, "end_image_url": image, "image_urls": [image, image],
        }  # fmt: skip
        assert "authorization" not in peer.of("GET /file")[0].headers, "a file's address is not told the key"
        asyncio.run(made.cancel("job-1"))
        assert len(peer.of(f"PUT {place}/cancel")) == 1
        peer.answers[f"PUT {place}/cancel"] = Said({"status": "ALREADY_COMPLETED"}, 400)
        asyncio.run(made.cancel("job-1"))


def test_the_path_of_the_work_is_the_first_two_parts_of_the_models():
    with media_peer() as peer:
        place = queue(peer, "maker/film/fast/turbo")
        made = film(peer, models={"video": "maker/film/fast/turbo"}, key="")
        assert asyncio.run(made.poll("job-1")).file.content == MP4
        assert place == "/maker/film/requests/job-1"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"size": "640x480"}, {"image_size": {"width": 640, "height": 480}}),
        ({"size": "square"}, {"image_size": "square"}),
        ({"aspectRatio": "9:16"}, {"image_size": "portrait_16_9"}),
        ({"aspectRatio": "21:9"}, {"aspect_ratio": "21:9"}),
        ({}, {}),
    ],
)
def test_sizes_of_pictures(settings, expected):
    with media_peer() as peer:
        queue(peer, "maker/picture")
        made = model(Action.IMAGE, {"mine": {"kind": "queue", "url": peer.url, "models": {"image": "maker/picture"}}})
        asyncio.run(made.submit(MediaRequest(Action.IMAGE, prompt="p", settings=settings)))
        assert peer.of("POST /maker/picture")[0].json == {"prompt": "p"} | expected


@pytest.mark.parametrize(
    ("said", "code", "retryable"),
    [
        (Said({}, 429, {"Retry-After": "7"}), "PROVIDER_RATE_LIMITED", True),
        (Said(b"<html>", 502), "PROVIDER_ERROR", True),
        (Said({"detail": "no"}, 401), "PROVIDER_AUTH", False),
        (Said({"detail": [{"type": "content_policy_violation", "msg": "it says X"}]}, 422), "CONTENT_REFUSED", False),
        (Said({"detail": [{"type": "missing"}]}, 422), "PROVIDER_ERROR", False),
        (Said(b"not json"), "PROVIDER_BAD_ANSWER", True),
        (Said({"request_id": "../../admin"}), "PROVIDER_BAD_ANSWER", True),
        (Said([1]), "PROVIDER_BAD_ANSWER", True),
    ],
)  # fmt: skip
def test_what_a_submission_can_come_to(said, code, retryable):
    with media_peer() as peer:
        peer.answers["POST /maker/film"] = said
        error = failure(film(peer, key="").submit(MediaRequest(Action.VIDEO, prompt="it says X")))
        assert (error.code, error.retryable) == (code, retryable)
        assert "says X" not in str(error), "a prompt is never quoted"
        assert (error.details.get("retry_after") == 7) is (said.status == 429)


def test_nobody_there():
    with media_peer() as peer:
        made = film(peer, key="")
    error = failure(made.submit(MediaRequest(Action.VIDEO, prompt="p")))
    assert (error.code, error.retryable) == ("PROVIDER_UNREACHABLE", True)


@pytest.mark.parametrize(
    ("status", "result", "code"),
    [
        ({"status": "FAILED"}, {}, "PROVIDER_FAILED"),
        ({"status": "COMPLETED"}, {"nothing": 1}, "PROVIDER_BAD_ANSWER"),
        ({"status": "COMPLETED"}, {"video": {"url": "http://169.254.169.254/latest/meta-data"}}, "PROVIDER_BAD_ANSWER"),
        ({"status": "COMPLETED"}, {"video": {"url": "file:///etc/passwd"}}, "PROVIDER_BAD_ANSWER"),
        ({"status": "COMPLETED"}, {"video": {"url": "data:video/mp4;base64,§"}}, "PROVIDER_BAD_ANSWER"),
    ],
)
def test_what_a_look_can_come_to(status, result, code):
    with media_peer() as peer:
        place = queue(peer, result=result)
        peer.answers[f"GET {place}/status"] = Said(status)
        assert failure(film(peer, key="").poll("job-1")).code == code


def test_a_slow_provider_can_be_left():
    with media_peer() as peer:
        gate = threading.Event()
        peer.answers["POST /maker/film"] = Said({"request_id": "x"}, gate=gate)

        async def work():
            task = asyncio.create_task(film_model.submit(MediaRequest(Action.VIDEO, prompt="p")))
            await asyncio.to_thread(peer.until, "POST /maker/film")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return task.cancelled()

        film_model = film(peer, key="")
        try:
            assert asyncio.run(work())
        finally:
            gate.set()


# -- the OpenAI protocol -----------------------------------------------------------------------------------------


def painter(peer, **entry):
    mine = {"url": f"{peer.url}/v1", "key": "secret", **entry}
    return model(Action.IMAGE, {"openai": mine}, provider="openai")


def test_a_picture_over_the_openai_protocol():
    with media_peer() as peer:
        peer.answers["POST /v1/images/generations"] = Said(
            {"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]}
        )
        request = MediaRequest(Action.IMAGE, prompt="a cat", settings={"aspectRatio": "16:9", "seed": 3}, key="k/1")
        made = painter(peer)
        assert asyncio.run(made.submit(request)) == Done(PICTURE)
        assert "secret" not in repr(made)
        sent = peer.of("POST /v1/images/generations")[0]
        assert sent.headers["authorization"] == "Bearer secret"
        assert sent.headers["idempotency-key"] == "k/1"
        assert sent.json == {"model": "gpt-image-2.5-flare", "prompt": "a cat", "n": 1, "size": "1536x1024"}
        asyncio.run(painter(peer, models={"image": "other"}).submit(request))
        assert peer.of("POST /v1/images/generations")[1].json["response_format"] == "b64_json"


def test_a_reference_makes_it_an_edit():
    with media_peer() as peer:
        peer.answers["POST /v1/images/edits"] = Said({"created": 1, "data": [{"url": f"{peer.url}/file"}]})
        peer.answers["GET /file"] = Said(PNG)
        request = MediaRequest(Action.IMAGE, prompt="a cat", files={"reference": [PICTURE]})
        assert asyncio.run(painter(peer).submit(request)) == Done(PICTURE)
        sent = peer.of("POST /v1/images/edits")[0]
        assert sent.headers["content-type"].startswith("multipart/form-data")
        assert PNG in sent.body


def test_speech_over_the_openai_protocol():
    with media_peer() as peer:
        peer.answers["POST /v1/audio/speech"] = Said(MP3, headers={"Content-Type": "audio/mpeg"})
        made = model(Action.SPEECH, {"openai": {"url": f"{peer.url}/v1", "key": "s"}}, provider="openai")
        assert asyncio.run(made.submit(MediaRequest(Action.SPEECH, prompt="Hello"))) == Done(
            MediaFile(MP3, "audio/mpeg")
        )
        assert peer.asked[0].json == {
            "model": "gpt-4o-mini-tts", "input": "Hello", "voice": "alloy", "response_format": "mp3",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "code", "retryable"),
    [
        (Said({"error": {"code": "rate_limit_exceeded"}}, 429, {"Retry-After": "3"}), "PROVIDER_RATE_LIMITED", True),
        (Said({"error": {"code": "moderation_blocked", "message": "you said X"}}, 400), "CONTENT_REFUSED", False),
        (Said({"error": {"code": "server_error"}}, 500), "PROVIDER_ERROR", True),
        (Said({"created": 1, "data": []}), "PROVIDER_BAD_ANSWER", True),
        (Said({"created": 1, "data": [{"b64_json": "§§"}]}), "PROVIDER_BAD_ANSWER", True),
        (Said({"created": 1, "data": [{"url": "http://10.0.0.1/x"}]}), "PROVIDER_BAD_ANSWER", True),
        (Said(b"<html>busy</html>", headers={"Content-Type": "text/html"}), "PROVIDER_BAD_ANSWER", True),
    ],
)
def test_what_the_openai_protocol_can_come_to(said, code, retryable):
    with media_peer() as peer:
        peer.answers["POST /v1/images/generations"] = said
        error = failure(painter(peer).submit(MediaRequest(Action.IMAGE, prompt="you said X")))
        assert (error.code, error.retryable) == (code, retryable)
        assert "said X" not in str(error)
        assert len(peer.asked) == 1, "the step's policy says when to try again, not the SDK's"


def test_a_file_at_another_address_is_fetched_through_the_guard():
    with media_peer() as store, media_peer() as peer:
        store.answers["GET /file"] = Said(PNG, headers={"Content-Type": "image/png"})
        store.answers["GET /gone"] = Said(b"", 404)
        entry = {"mine": {"kind": "queue", "url": peer.url, "models": {"image": "maker/picture"}}}

        def fetched(path, **guard):
            queue(peer, "maker/picture", result={"images": [{"url": f"{store.url}{path}"}]})
            made = model(Action.IMAGE, entry, fetch=fetching(Outbound(**guard)))
            return made.poll("job-1")

        assert failure(fetched("/file")).code == "PROVIDER_BAD_ANSWER", "this machine is not a public address"
        assert store.asked == []
        assert asyncio.run(fetched("/file", allow_loopback=True)).file == PICTURE
        assert failure(fetched("/gone", allow_loopback=True)).code == "PROVIDER_ERROR"
        fetch = fetching(Outbound(allow_loopback=True))
        with pytest.raises(StepError, match="more than 10 bytes"):
            asyncio.run(fetch(f"{store.url}/file", 10))


# -- voices ------------------------------------------------------------------------------------------------------


def voice(peer, action):
    return model(action, {"elevenlabs": {"url": peer.url, "key": "secret"}})


def test_a_voice_and_its_settings():
    with media_peer() as peer:
        path = f"POST /v1/text-to-speech/{DEFAULT_VOICE}"
        peer.answers[path] = Said(MP3, headers={"Content-Type": "audio/mpeg"})
        settings = {
            "stability": 0.5, "similarityBoost": 0.25, "speed": 1.1, "speakerBoost": True, "languageCode": "de",
            "previousText": "before", "previousRequestIds": ["r1"], "textNormalization": "off", "seed": 4,
        }  # fmt: skip
        request = MediaRequest(Action.SPEECH, prompt="Hallo", settings=settings)
        assert asyncio.run(voice(peer, Action.SPEECH).submit(request)) == Done(MediaFile(MP3, "audio/mpeg"))
        sent = peer.of(path)[0]
        assert sent.headers["xi-api-key"] == "secret"
        assert sent.json == {
            "text": "Hallo", "model_id": "eleven_multilingual_v2", "language_code": "de", "seed": 4,
            "previous_text": "before", "previous_request_ids": ["r1"], "apply_text_normalization": "off",
            "voice_settings": {"stability": 0.5, "similarity_boost": 0.25, "speed": 1.1, "use_speaker_boost": True},
        }  # fmt: skip


def test_a_recording_in_another_voice():
    with media_peer() as peer:
        peer.answers["POST /v1/speech-to-speech/a%2Fb"] = Said(MP3)
        files = {"audio": [MediaFile(WAV, "audio/wav")]}
        request = MediaRequest(Action.VOICE, files=files, settings={"voiceId": "a/b", "style": 1, "seed": 9})
        assert asyncio.run(voice(peer, Action.VOICE).submit(request)).file.mime_type == "audio/mpeg"
        body = peer.asked[0].body
        assert WAV in body
        assert b'{"style": 1}' in body
        assert b"eleven_multilingual_sts_v2" in body


def test_a_sound_effect():
    with media_peer() as peer:
        peer.answers["POST /v1/sound-generation"] = Said(MP3)
        request = MediaRequest(
            Action.SFX, prompt="rain", settings={"duration": 5.0, "promptInfluence": 0.5, "loop": True}
        )
        asyncio.run(voice(peer, Action.SFX).submit(request))
        assert peer.asked[0].json == {
            "text": "rain", "model_id": "eleven_text_to_sound_v2", "duration_seconds": 5.0, "prompt_influence": 0.5,
            "loop": True,
        }  # fmt: skip
        peer.answers["POST /v1/sound-generation"] = Said({"detail": {"status": "quota_exceeded"}}, 401)
        assert failure(voice(peer, Action.SFX).submit(request)).code == "PROVIDER_AUTH"


# -- without a network -------------------------------------------------------------------------------------------


def test_the_local_engine_speaks():
    def spoken(text, **settings):
        made = model(Action.SPEECH, provider="espeak")
        found = asyncio.run(made.submit(MediaRequest(Action.SPEECH, prompt=text, settings=settings))).file
        assert check(found.content, found.mime_type) == "audio/wav"
        with wave.open(io.BytesIO(found.content)) as sound:
            frames = sound.readframes(sound.getnframes())
        assert max(frames) > 0, "it is not silent"
        return measures(found.content, "audio/wav")["durationSeconds"]

    short, long = spoken("Hi."), spoken("Good morning, this sentence takes a while to be said aloud.")
    assert 0.1 < short < long < 10
    assert spoken("Guten Morgen", languageCode="de") > 0.3
    assert spoken("Good morning to you", speed=0.7) > spoken("Good morning to you", speed=1.2)
    error = failure(model(Action.SPEECH, provider="espeak").submit(
        MediaRequest(Action.SPEECH, prompt="x", settings={"voiceId": "klingon-prime"})
    ))  # fmt: skip
    assert error.code == "UNKNOWN_VOICE"


def test_several_speak_at_a_time():
    async def work():
        made = (await hub().get(Wanted(Action.SPEECH, "espeak"), "w"))[1]
        texts = [f"number {i}" * (i + 1) for i in range(6)]
        return await asyncio.gather(*(made.submit(MediaRequest(Action.SPEECH, prompt=text)) for text in texts))

    sizes = [len(done.file.content) for done in asyncio.run(work())]
    assert sizes == sorted(sizes), "none has another's words"


def test_placeholders_are_real_files_and_depend_on_the_prompt_alone():
    def made(action, prompt):
        async def work():
            found = await local_media.LocalModel().submit(MediaRequest(action, prompt=prompt, settings={"duration": 1}))
            return found if isinstance(found, Done) else await local_media.LocalModel().poll(found.external_id)

        return asyncio.run(work()).file

    for action, kind in ((Action.IMAGE, "image/png"), (Action.VIDEO, "image/gif"), (Action.SFX, "audio/wav")):
        one, same, other = made(action, "a"), made(action, "a"), made(action, "b")
        assert check(one.content, one.mime_type) == kind
        assert one == same != other
    assert measures(made(Action.IMAGE, "a").content, "image/png") == {"width": 256, "height": 256}
    assert measures(GIF, "image/gif") == {"width": 48, "height": 48}
    assert isinstance(failure(model(Action.SPEECH, provider="espeak").poll("x")), ProviderError)
