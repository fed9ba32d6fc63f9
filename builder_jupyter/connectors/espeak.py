"""Speech without a network: eSpeak NG in this process, as WAV. It sounds like a robot, and needs no key.

The library keeps one voice and one callback for the whole process, so one text is spoken at a time; it is fast (a
thousand characters in some tens of milliseconds).
"""

from __future__ import annotations

import asyncio
import ctypes
import io
import threading
import wave
from dataclasses import dataclass
from functools import cache
from typing import Any

from builder_jupyter.errors import NotConfigured, ProviderError
from builder_jupyter.nodes.media import Done, MediaFile, MediaRequest, Pending
from builder_jupyter.nodes.media_types import MAX_BYTES

DEFAULT_VOICE = "en"
WORDS_PER_MINUTE = 175
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_RATE = 1
_GO_ON, _STOP = 0, 1
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_speaking = threading.Lock()


@dataclass(frozen=True, slots=True)
class EspeakModel:
    """A `MediaModel` for speech. Voices are eSpeak's, by language: ``en``, ``en-us``, ``de``, ``fr`` …"""

    name: str = "espeak:espeak-ng"

    async def submit(self, request: MediaRequest) -> Done:
        """Speak in a thread. One that nobody waits for any more falls silent at the next piece."""
        stop = threading.Event()
        voice = str(request.settings.get("voiceId") or request.settings.get("languageCode") or DEFAULT_VOICE)
        try:
            return Done(await asyncio.to_thread(_spoken, request.prompt, voice, request.settings.get("speed"), stop))
        finally:
            stop.set()

    async def poll(self, external_id: str) -> Done | Pending:
        """Raise: nothing here is ever pending."""
        raise ProviderError(f"{self.name} has begun nothing called {external_id!r}.", code="PROVIDER_FAILED")

    async def cancel(self, external_id: str) -> None:
        """Do nothing: nothing here is ever pending."""


def is_installed() -> bool:
    """Say whether the engine is here, without loading it."""
    from importlib.util import find_spec

    return find_spec("espeakng_loader") is not None


def _spoken(text: str, voice: str, speed: float | None, stop: threading.Event) -> MediaFile:
    with _speaking:
        library, rate = _library()
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ProviderError(f"eSpeak has no voice {voice[:40]!r}.", code="UNKNOWN_VOICE")
        library.espeak_SetParameter(_RATE, round(WORDS_PER_MINUTE * (speed or 1.0)), 0)
        sound = bytearray()

        def take(samples: Any, count: int, _events: Any) -> int:
            if samples and count > 0:
                sound.extend(ctypes.string_at(samples, 2 * count))
            return _STOP if stop.is_set() or len(sound) > MAX_BYTES["audio"] else _GO_ON

        callback = _Callback(take)
        library.espeak_SetSynthCallback(callback)
        spoken = text.replace("\0", " ").encode()
        failed = library.espeak_Synth(spoken, ctypes.c_size_t(len(spoken) + 1), 0, 1, 0, _UTF8, None, None)
    if failed != 0 or not sound:
        raise ProviderError("eSpeak could not speak the text.", code="PROVIDER_FAILED")
    return MediaFile(_wav(bytes(sound), rate), "audio/wav")


@cache
def _library() -> tuple[Any, int]:
    """Return the library, ready, and its samples per second. Raises `NotConfigured`."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise NotConfigured(
            "Speech without a provider needs the package espeakng-loader, which is not installed.",
            hint="Run: pip install 'builder_jupyter[speech]'",
        ) from error
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _DONT_EXIT)
    if rate <= 0:
        raise NotConfigured("eSpeak's voices cannot be read where they are installed.")
    return library, rate


def _wav(samples: bytes, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples)
    return file.getvalue()
