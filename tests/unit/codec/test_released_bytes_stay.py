"""The first released form, byte by byte, as `docs/reference/wire-format.md` describes it.

A change that breaks one of these needs new kind numbers or another magic, not another expectation.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.wire import decode_side, encode_side
from riverrun.core.units import State
from tests.unit.codec.parts import Colour, Part, allow_list

PART = b"tests.unit.codec.parts.Part"
COLOUR = b"tests.unit.codec.parts.Colour"
SERVING = {
    0: b"\x98\x00\x01\xcb\x3f\xe0\0\0\0\0\0\0\x93\x03\xa1a\xc0\x93\x04\x01\xfe\x81\xa1k\xc3"
    b"\x93\x10\xbd" + COLOUR + b"\xa3RED\x92\x02\x02",
    1: b"\x93\x23\xbb" + PART + b"\x96\xa6weight\xa5names\xa4pair\xa5table\xa6colour\xabfor_trainer",
}
TRAINER = {2: b"\x93\x00\x03\x07", 3: b"\x93\x23\xbb" + PART + b"\x91\xa4seen"}
BODY = b"\x93\x92\x00\x01\x92\xc4\x40" + SERVING[0] + b"\xc4\x4a" + SERVING[1] + b"\x90"
SIDE = b"RRD1\x00\xfb\xb6\x01\x02\x94\0\0\0\0\0\0\0" + BODY


def model() -> Part:
    """A model with a little of everything."""
    return Part(
        weight=0.5,
        names=["a", None],
        pair=(1, -2),
        table={"k": True},
        colour=Colour.RED,
        for_trainer=Part(seen=7),
    )


def root_of(units: dict[int, bytes]) -> bytes:
    """The root of a side by the page's words, for units 0 to 15."""
    leaves = [
        sha256(b"\0" + number.to_bytes(8, "big") + units[number]).digest() if number in units else bytes(32)
        for number in range(16)
    ]
    return sha256(b"\2\1" + sha256(b"\1" + b"".join(leaves)).digest()).digest()


def test_units_are_written_as_released() -> None:
    encoder = GraphEncoder(allow_list())

    encoder.encode(model())

    assert encoder.state() == State(SERVING, TRAINER, 4)
    assert encoder.roots() == (root_of(SERVING), root_of(TRAINER))


def test_a_side_is_written_as_released() -> None:
    delta = GraphEncoder(allow_list()).encode(model())

    assert encode_side(delta.serving) == SIDE


def test_released_bytes_are_read() -> None:
    units = decode_side(SIDE, max_bytes=1 << 20).changed

    read: Any = GraphDecoder(allow_list()).decode(State(units, TRAINER, 4))

    assert (read.weight, read.names, read.pair, read.table) == (0.5, ["a", None], (1, -2), {"k": True})
    assert read.colour is Colour.RED
    assert read.for_trainer.seen == 7
