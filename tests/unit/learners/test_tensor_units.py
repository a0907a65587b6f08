"""Tensors as units: what changed is sent, and what is malformed is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

torch = pytest.importorskip("torch", reason="torch is an extra")

from riverrun.core.errors import InvalidInput  # noqa: E402
from riverrun.learners.tensor_units import BLOCK, TensorUnits, read_tensors  # noqa: E402

KINDS = ["float64", "float32", "float16", "int64", "int32", "int16", "uint8", "bool"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (7, 5), (BLOCK * 2 + 1,), (BLOCK,)])
def test_a_tensor_comes_back_as_it_was(kind: str, shape: tuple[int, ...]) -> None:
    tensor = (torch.arange(torch.Size(shape).numel()).reshape(shape) % 7).to(getattr(torch, kind))

    units = TensorUnits(0, 1).changes({"t": tensor}).changed

    back = read_tensors(units.values())["t"]
    assert back.dtype == tensor.dtype
    assert torch.equal(back, tensor)


def test_only_blocks_that_changed_are_sent() -> None:
    units = TensorUnits(first=4, step=2)
    tensor = torch.zeros(3 * BLOCK)
    first = units.changes({"t": tensor})

    tensor[BLOCK + 5] = 1.0
    second = units.changes({"t": tensor})
    third = units.changes({"t": tensor})

    assert sorted(first.changed) == [4, 6, 8]
    assert sorted(second.changed) == [6]
    assert not third
    merged = first.then(second).changed
    assert torch.equal(read_tensors(merged.values())["t"], tensor)
    assert torch.equal(read_tensors(second.changed.values(), {"t": torch.zeros(3 * BLOCK)})["t"], tensor)


def test_restored_units_keep_their_numbers_and_new_ones_get_new_numbers() -> None:
    units = TensorUnits(0, 2)
    state = units.changes({"a": torch.ones(3), "b": torch.ones(2)}).changed

    again = TensorUnits(0, 2)
    again.restored(state, next_number=11)
    changed = again.changes({"a": torch.ones(3), "b": torch.zeros(2), "c": torch.ones(1)}).changed

    assert sorted(changed) == [2, 12]


def pack(*fields: Any) -> bytes:
    return msgspec.msgpack.encode(list(fields))


@pytest.mark.parametrize(
    "unit",
    [
        b"",
        b"\xc0",
        pack("t", "f4", [2], 0),
        pack("t", "f4", [2], 0, b"1234"),
        pack("t", "f4", [2], 0, b"123456789"),
        pack("t", "f4", [2], 1, b""),
        pack("t", "f4", [2], -1, b""),
        pack("t", "f4", [-2], 0, b""),
        pack("t", "f4", [-1, -2], 0, b"12345678"),
        pack("t", "f4", [1 << 40], 0, b""),
        pack("t", "O", [1], 0, b"12345678"),
        pack("t", "f4", "2", 0, b"12345678"),
        pack(3, "f4", [2], 0, b"12345678"),
        pack("t", "f4", [1 << 62, 1 << 62], 0, b""),
        pack("t", "f4", [1 << 30], 0, bytes(4 * BLOCK)),
    ],
)
def test_malformed_units_are_refused(unit: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_tensors([unit])


def test_a_block_does_not_fit_a_tensor_of_another_shape() -> None:
    unit = pack("t", "f4", [2], 0, b"12345678")

    with pytest.raises(InvalidInput, match="another shape"):
        read_tensors([unit], {"t": torch.zeros(3)})


def test_a_tensor_that_is_not_whole_is_refused() -> None:
    units = TensorUnits(0, 1).changes({"t": torch.zeros(3 * BLOCK)}).changed

    with pytest.raises(InvalidInput, match="not whole"):
        read_tensors([units[0], units[2]])
    with pytest.raises(InvalidInput, match="not whole"):
        read_tensors([units[0], units[1], units[1]])


def test_types_that_cannot_be_stored_are_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="weird"):
        TensorUnits(0, 1).changes({"weird": torch.zeros(1, dtype=torch.complex64)})
