"""Tensors as units: what is written comes back, and what is malformed is refused.

What changed, and at which cost, is in test_tensor_changes.py.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is an extra")

from riverrun.core.errors import InvalidInput  # noqa: E402
from riverrun.learners.table_start import Seeded, elements_at, fill  # noqa: E402
from riverrun.learners.tensor_changes import TensorChanges  # noqa: E402
from riverrun.learners.tensor_span import BLOCK  # noqa: E402
from riverrun.learners.tensor_units import Spans, loading, read  # noqa: E402

KINDS = ["float64", "float32", "float16", "int64", "int32", "int16", "uint8", "bool"]
SEEDED = [17, 0.25]


def written(tensor: Any, name: str = "t") -> dict[int, bytes]:
    return dict(TensorChanges().changes({name: tensor}, {}).changed)


def read_back(units: dict[int, bytes], *shapes: tuple[int, ...]) -> dict[str, Any]:
    return read(Spans(units), units, shapes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (7, 5), (BLOCK * 2 + 1,), (BLOCK,)])
def test_a_tensor_comes_back_as_it_was(kind: str, shape: tuple[int, ...]) -> None:
    tensor = (torch.arange(torch.Size(shape).numel()).reshape(shape) % 7).to(getattr(torch, kind))

    units = written(tensor)

    back = read_back(units)["t"]
    assert back.dtype == tensor.dtype
    assert torch.equal(back, tensor)
    there = torch.zeros_like(tensor)
    list(loading(Spans(units), units, {"t": there}, {}))
    assert torch.equal(there, tensor)


def test_every_bit_of_a_float_counts() -> None:
    tensor = torch.tensor([-0.0, float("nan"), float("inf"), 1e-45])

    back = read_back(written(tensor))["t"]

    assert back.numpy().tobytes() == tensor.numpy().tobytes()


def test_a_tensor_that_lies_otherwise_in_memory_is_written_in_its_own_order() -> None:
    tensor = torch.arange(12.0).reshape(3, 4).t()

    assert torch.equal(read_back(written(tensor))["t"], tensor)


def pack(*fields: Any) -> bytes:
    return msgspec.msgpack.encode(list(fields))


HEADER = pack("t", "f4", [2], BLOCK, None)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xc0",
        b"\x95\xa1\xff",
        pack("t", "f4", [2]),
        pack("t", "f4", [-2], BLOCK, None),
        pack("t", "f4", [-1, -2], BLOCK, None),
        pack("t", "f4", [1 << 40], BLOCK, None),
        pack("t", "f4", [1 << 62, 0], BLOCK, None),
        pack("t", "f4", [1 << 62, 1 << 62], BLOCK, None),
        pack("t", "f4", [2], 0, None),
        pack("t", "f4", [2], -1, None),
        pack("t", "f4", [2], BLOCK, None, None),
        pack("t", "i8", [2], BLOCK, 0.0),
        pack("t", "f4", [2], BLOCK, [1]),
        pack("t", "f4", [2], BLOCK, [-1, 0.5]),
        pack("t", "O", [1], BLOCK, None),
        pack("t", "f4", "2", BLOCK, None),
        pack(3, "f4", [2], BLOCK, None),
        HEADER + b"\x00",
    ],
)
def test_malformed_headers_are_refused(header: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_back({0: header, 2: msgspec.msgpack.encode(bytes(8))}, (2,))


@pytest.mark.parametrize(
    "block", [b"", b"\xc0", b"12345678", *(msgspec.msgpack.encode(bytes(size)) for size in (0, 7, 9))]
)
def test_malformed_blocks_are_refused_and_not_written(block: bytes) -> None:
    tensor = torch.ones(2)
    units = {0: HEADER, 2: block}

    with pytest.raises(InvalidInput):
        read_back(units)
    with pytest.raises(InvalidInput):
        list(loading(Spans(units), units, {"t": tensor}, {}))
    assert tensor.tolist() == [1, 1]


@pytest.mark.parametrize("number", [1, 3, 4, 100])
def test_a_unit_that_belongs_to_no_tensor_is_refused(number: int) -> None:
    units = {0: HEADER, 2: msgspec.msgpack.encode(bytes(8)), number: msgspec.msgpack.encode(bytes(8))}

    with pytest.raises(InvalidInput):
        read_back(units)


def test_another_header_of_a_known_tensor_is_refused() -> None:
    spans = Spans({0: HEADER})

    assert list(spans.sorted_out({0: HEADER}).values()) == [{}]
    with pytest.raises(InvalidInput, match="another header"):
        spans.sorted_out({0: pack("t", "f4", [3], BLOCK, None)})


def test_a_tensor_that_is_not_whole_is_refused_before_memory_is_taken() -> None:
    units = written(torch.zeros(3 * BLOCK))
    del units[4]
    huge = {0: pack("t", "f4", [1 << 31], BLOCK, None), 2: msgspec.msgpack.encode(bytes(4 * BLOCK))}
    seeded = {0: pack("t", "f4", [1 << 31], BLOCK, SEEDED)}

    for state in (units, huge):
        with pytest.raises(InvalidInput, match="not whole"):
            read_back(state)
    with pytest.raises(InvalidInput, match="spec's model"):
        read_back(seeded, (2,))


def test_a_tensor_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        Spans({0: HEADER, 4: HEADER})


def test_tensors_that_are_not_those_of_the_model_are_refused() -> None:
    units = written(torch.ones(3))
    spans = Spans(units)

    for tensors in ({}, {"u": torch.ones(3)}, {"t": torch.ones(3), "u": torch.ones(1)}):
        with pytest.raises(InvalidInput, match="spec's model"):
            list(loading(spans, units, tensors, {}))
    for other in (torch.ones(4), torch.ones(3, 1), torch.ones(3, dtype=torch.float64)):
        with pytest.raises(InvalidInput, match="spec's model"):
            list(loading(spans, units, {"t": other}, {}))


def test_a_table_that_starts_otherwise_is_refused() -> None:
    units = {0: pack("t", "f4", [2, 2], BLOCK, SEEDED)}
    table = torch.zeros(2, 2)

    list(loading(Spans(units), units, {"t": table}, {"t": Seeded(17, 0.25)}))
    for starts in ({}, {"t": Seeded(18, 0.25)}, {"t": 0.0}):
        with pytest.raises(InvalidInput, match="does not start"):
            list(loading(Spans(units), units, {"t": table}, starts))


def test_types_that_cannot_be_stored_are_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="weird"):
        written(torch.zeros(1, dtype=torch.complex64), "weird")


def by_hand(seed: int, bound: float, place: int) -> float:
    """SplitMix64 in Python's own whole numbers."""
    mask = (1 << 64) - 1
    mixed = (seed + (place + 1) * 0x9E3779B97F4A7C15) & mask
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
    mixed ^= mixed >> 31
    return float(np.float32((mixed >> 40) - (1 << 23)) * (np.float32(bound) / np.float32(1 << 23)))


@pytest.mark.parametrize(("seed", "bound"), [(0, 1.0), (7, 0.01), (2**64 - 1, 0.3)])
def test_a_table_starts_the_same_everywhere(seed: int, bound: float) -> None:
    start = Seeded(seed, bound)
    flat = np.empty(100_000, dtype=np.float32)

    fill(flat, start)

    chosen = [0, 1, 2, 65_535, 65_536, 99_999]
    assert [float(flat[i]) for i in chosen] == [by_hand(seed, bound, i) for i in chosen]
    assert elements_at(start, np.array(chosen, dtype=np.uint64)).tolist() == flat[chosen].tolist()
    assert -bound <= flat.min() < -0.999 * bound
    assert 0.999 * bound < flat.max() < bound
    assert abs(float(flat.mean())) < 0.01 * bound


def test_released_starts_stay() -> None:
    places = np.arange(4, dtype=np.uint64)

    found = Seeded(0, 1.0).elements(places).tolist()

    # The outputs of the reference implementation of SplitMix64 seeded with 0.
    reference = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    assert found == [((value >> 40) - (1 << 23)) / (1 << 23) for value in reference]
