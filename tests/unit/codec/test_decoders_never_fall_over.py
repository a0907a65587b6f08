"""Ten thousand runs of the decoder fuzz, and the attacks that are known of other formats, one by one.

A side delta has no offsets that could overlap and no header but 17 bytes; what stands for these attacks here
is numbers that meet, lengths that lie, and counts without content. `python -m tests.unit.codec.decoder_fuzz`
is the long run.
"""

from __future__ import annotations

import struct
import time
import tracemalloc
from collections.abc import Callable
from zlib import crc32

import msgspec
import pytest

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.packing import ZSTD, ZSTD_DICTIONARY_1, zstd
from riverrun.codec.wire import MAGIC, decode_side
from riverrun.core.errors import Exhausted, InvalidInput
from riverrun.core.units import State
from tests.unit.codec.decoder_fuzz import Fuzz
from tests.unit.codec.fuzz_runs import AGAIN, SECONDS
from tests.unit.codec.parts import Part, allow_list
from tests.unit.codec.watched_decoding import watched

SEED = 20261124
MAX_BYTES = 64 << 20
pack = msgspec.msgpack.encode


def framed(body: bytes, *, form: int = 0, size: int | None = None) -> bytes:
    return struct.pack("<4sBIQ", MAGIC, form, crc32(body), len(body) if size is None else size) + body


def refused_cheaply(data: bytes, decode: Callable[[bytes], object]) -> None:
    """Fail unless `data` is refused within its bounds of memory and time, and nothing else happens."""
    tracemalloc.start()
    started = time.thread_time()
    with watched() as events, pytest.raises((InvalidInput, Exhausted)):
        decode(data)
    took_s = time.thread_time() - started
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for _ in range(AGAIN):
        if took_s >= SECONDS:
            started = time.thread_time()
            with pytest.raises((InvalidInput, Exhausted)):
                decode(data)
            took_s = time.thread_time() - started
    assert not events
    assert took_s < SECONDS
    assert most <= 2 * len(data) + (16 << 20)


def test_ten_thousand_changed_inputs_give_values_or_our_own_errors() -> None:
    print(f"seed {SEED}")
    fuzz = Fuzz(SEED)

    found = fuzz.run(10_000)

    assert not found.failures
    assert found.slowest_s < SECONDS
    # Both ways out are taken, so that it is known to get deep.
    assert 1_000 < found.refused < 9_900
    assert min(found.targets.values()) > 500


def test_changed_units_of_tensors_give_tensors_or_our_own_errors() -> None:
    pytest.importorskip("torch", reason="torch is an extra")

    found = Fuzz(SEED).with_tensors().run(2_000)

    assert not found.failures
    assert found.slowest_s < SECONDS
    assert 1_000 < found.refused < 1_990


BIG = 32 << 20
# Written in parts, so that the frame says its window and not its length.
_wide = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
WIDE = _wide.compress(bytes(500)) + _wide.compress(bytes(500), mode=_wide.FLUSH_FRAME)
ATTACKS = {
    "numbers that overlap": framed(pack([[5, 0], [b"x", b"y"], []])),
    "a number both changed and dropped": framed(pack([[5], [b"x"], [5]])),
    "numbers beyond all": framed(pack([[(1 << 64) - 1], [b"x"], []])),
    "more numbers than payloads": framed(pack([[1, 1, 1], [b"x"], []])),
    "a huge length": framed(b"", size=(1 << 64) - 1),
    "a length beyond the limit": framed(b"", size=MAX_BYTES + 1),
    "a length that no body has": framed(b"", size=MAX_BYTES),
    "an array header without its elements": framed(b"\x93\xdd\xff\xff\xff\xff"),
    "a bin header without its bytes": framed(b"\x93\x91\x01\x91\xc6\xff\xff\xff\xff"),
    "many levels": framed(b"\x91" * (1 << 20)),
    "a bomb that says little": framed(zstd.compress(bytes(BIG)), form=ZSTD, size=100),
    "a bomb with a dictionary": framed(zstd.compress(bytes(BIG)), form=ZSTD_DICTIONARY_1, size=100),
    "two frames": framed(zstd.compress(b"a") + zstd.compress(b"b"), form=ZSTD, size=1),
    "a frame cut short": framed(zstd.compress(bytes(1000))[:-2], form=ZSTD, size=1000),
    "a frame with a window of 128 MiB": framed(WIDE, form=ZSTD, size=1000),
    "a sparse tensor in another format": b"PK\x03\x04" + bytes(100),
    "a safetensors header of a gigabyte": struct.pack("<Q", 1 << 30) + b'{"w":{}}',
    "a pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_side_delta_that_lies_is_refused_cheaply(name: str) -> None:
    refused_cheaply(ATTACKS[name], lambda data: decode_side(data, max_bytes=MAX_BYTES))


NODES = {
    "an array of terabytes": [22, "<f8", [1 << 40], "C", b""],
    "an array whose shape overflows": [22, "<f8", [1 << 32, 1 << 32], "C", b""],
    "an array of nine dimensions": [22, "<f8", [1] * 9, "C", bytes(8)],
    "an array of negative size": [22, "<f8", [-1], "C", bytes(8)],
    "an array of objects": [22, "|O", [1], "C", bytes(8)],
    "text of a megabyte a piece": [22, "<U999999", [1 << 20], "C", b""],
    "a scalar of a megabyte": [23, "|S999999", b""],
    "rounded numbers without bytes": [9, 2],
    "bytes by their count": [30, 1 << 40],
    "text by its count": [20, (1 << 32) - 1],
    "a number by its count": [19, 1 << 40],
    "a window of terabytes": [
        24,
        "river._river_rust.stats.RsRollingIQR",
        "river 0.26.1",
        [0.1, 0.9, 1 << 44],
        b"",
    ],
    "an endless mask": [25, "river._river_rust.vectordict.VectorDict", {}, None, [39, 0, 1 << 62, 1], True],
    "rows taken many times": [9, *[3] * 100_000],
    "many levels of values": msgspec.Raw(b"\x92\x04" * 100_000 + b"\xc0"),
    "many levels of containers": msgspec.Raw(b"\x92\x03" * 100_000 + b"\xc0"),
}


@pytest.mark.parametrize("name", NODES)
def test_a_unit_that_claims_more_than_it_holds_is_refused_cheaply(name: str) -> None:
    units = [
        pack([0, 1, NODES[name]]),
        pack([35, f"{Part.__module__}.Part", ["value"]]),
        pack([36, [40, 2, ["a", "b"], b""]]),
        pack([36, {"k": 1.0}]),
    ]
    assert sum(map(len, units)) < 1 << 20

    refused_cheaply(
        b"".join(units), lambda _: GraphDecoder(allow_list()).restore(State(dict(enumerate(units))))
    )
