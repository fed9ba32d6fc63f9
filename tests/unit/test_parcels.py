"""Large messages in small frames."""

from __future__ import annotations

import pytest

from builder_jupyter.parcels import PIECE_BYTES, Unpacker, pieces


@pytest.mark.parametrize("attached", [[], [b""], [b"a", b"", b"bc"], [b"x" * (2 * PIECE_BYTES + 1), b"y"]])
def test_what_was_sent_arrives(attached: list[bytes]) -> None:
    unpacker = Unpacker()
    for _ in range(2):
        frames = list(pieces({"do": "x"}, attached))
        assert all(len(frame) <= PIECE_BYTES for frame in frames)
        taken = [unpacker.take(frame) for frame in frames]
        assert taken[:-1] == [None] * (len(taken) - 1)
        assert taken[-1] == ({"do": "x"}, attached)


@pytest.mark.parametrize(
    "frames",
    [
        ["no json"], ["[]"], ["{}"], ['{"attached": [-1]}'], ['{"attached": ["1"]}'], [b"bytes"],
        ['{"attached": [1]}', b"ab"], ['{"attached": [1]}', '{"attached": []}'], ['{"attached": [99999999999]}'],
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(frames: list[str | bytes]) -> None:
    unpacker = Unpacker()
    with pytest.raises(ValueError, match=r".+"):
        for frame in frames:
            unpacker.take(frame)
