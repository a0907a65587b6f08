"""Values that refer to nothing else: long integers, arrays, random generators, dates. Both directions.

What is written may be `Unwritable`.
"""

from __future__ import annotations

import datetime as dt
import random
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from riverrun.codec import nodes
from riverrun.codec.unwritable import Unwritable

Node = Any
"""What MessagePack can say: an atom, a map of atoms to nodes, or an array that begins with a node kind."""

Writer = Callable[[Any, int], Node]
"""Writes one value found at a depth."""

MAX_DIMENSIONS = 8
"""Of an array that is stored."""

MAX_OPAQUE_ARGUMENT = 1 << 20
"""The largest whole number that an object of a library's own state is made with: the size of a window."""

_DTYPE = re.compile(r"[<>|=](?:[biufc](?:1|2|4|8|16)|S\d{1,6}|U\d{1,6}|[mM]8(?:\[\d{0,9}[A-Za-z]{1,3}\])?)")
_BIT_GENERATORS: dict[str, Any] = {
    cls.__name__: cls
    for cls in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}
_WORDS = struct.Struct("<624I")


def leaf_writer(write: Callable[[Any], Node]) -> Writer:
    """The writer of values that `write` writes, at any depth."""
    return lambda value, _: write(value)


def write_atom(value: Any) -> Node:
    """An atom as a node, whatever its size."""
    if type(value) is int and not -(1 << 63) <= value < 1 << 64:
        return [nodes.BIG_INT, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)]
    if type(value) is str and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return [nodes.RAW_TEXT, value.encode("utf-8", "surrogatepass")]
    return value


def write_complex(value: complex) -> Node:
    """A complex number by its two parts."""
    return [nodes.COMPLEX, value.real, value.imag]


def write_array(array: np.ndarray[Any, Any]) -> Node:
    """An array of numbers, text or times, in the memory order that it has."""
    if not _DTYPE.fullmatch(array.dtype.str):
        raise Unwritable(array, f"arrays of {array.dtype} cannot be stored")
    if array.ndim > MAX_DIMENSIONS:
        raise Unwritable(array, f"arrays of more than {MAX_DIMENSIONS} dimensions cannot be stored")
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    return [nodes.ARRAY, array.dtype.str, list(array.shape), order, array.tobytes(order)]  # type: ignore[arg-type]


def write_numpy_scalar(scalar: np.generic) -> Node:
    """A scalar of numpy's, with its type."""
    if not _DTYPE.fullmatch(scalar.dtype.str):
        raise Unwritable(scalar, f"scalars of {scalar.dtype} cannot be stored")
    return [nodes.NUMPY_SCALAR, scalar.dtype.str, scalar.tobytes()]


def write_date(date: dt.date) -> Node:
    """A date by its day number."""
    return [nodes.DATE, date.toordinal()]


def write_timedelta(duration: dt.timedelta) -> Node:
    """A duration by its three parts."""
    return [nodes.TIMEDELTA, duration.days, duration.seconds, duration.microseconds]


def write_datetime(time: dt.datetime) -> Node:
    """A time, without zone or with a fixed offset from UTC."""
    if time.tzinfo is not None and type(time.tzinfo) is not dt.timezone:
        raise Unwritable(time, "times with a named time zone cannot be stored; use a fixed offset")
    offset = time.utcoffset()
    clock = (*time.timetuple()[:6], time.microsecond, time.fold)
    return [nodes.DATETIME, *clock, None if offset is None else offset.total_seconds()]


def write_bytearray(content: bytearray) -> Node:
    """A bytearray by its bytes."""
    return [nodes.BYTEARRAY, bytes(content)]


def write_random(generator: random.Random) -> Node:
    """Python's Mersenne twister: its words, its place in them, and the spare Gauss number."""
    version, words, gauss = generator.getstate()
    # Through numpy it takes twice as long.
    return [nodes.RANDOM, version, _WORDS.pack(*words[:-1]), words[-1], gauss]


def write_random_state(generator: np.random.RandomState) -> Node:
    """numpy's legacy generator."""
    state: Any = generator.get_state(legacy=False)
    return [nodes.RANDOM_STATE, _write_state(state)]


def write_bit_generator(generator: Any) -> Node:
    """One of numpy's bit generators by its name and state; its seed sequence is not kept."""
    name = type(generator).__name__
    if _BIT_GENERATORS.get(name) is not type(generator):
        raise Unwritable(generator, f"the bit generator {name} cannot be stored")
    return [nodes.BIT_GENERATOR, name, _write_state(generator.state)]


def _write_state(state: dict[str, Any]) -> Node:
    written: dict[str, Node] = {}
    for key, value in state.items():
        if isinstance(value, dict):
            written[key] = _write_state(value)
        elif isinstance(value, np.ndarray):
            written[key] = write_array(value)
        else:
            written[key] = write_atom(int(value) if isinstance(value, np.integer) else value)
    return written


def _read_state(written: dict[str, Node]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for key, node in written.items():
        if type(node) is dict:
            state[key] = _read_state(node)
        else:
            state[key] = LEAF_READERS[node[0]](node) if type(node) is list else node
    return state


def _read_array(node: Node) -> np.ndarray[Any, Any]:
    _, dtype, shape, order, content = node
    if not _DTYPE.fullmatch(dtype) or order not in ("C", "F"):
        raise ValueError(f"no array has the type {dtype!r} and the order {order!r}")
    if type(shape) is not list or len(shape) > MAX_DIMENSIONS or min(shape, default=0) < 0:
        raise ValueError("no array has this shape")
    flat = np.frombuffer(content, dtype=np.dtype(dtype)) if content else np.empty(0, np.dtype(dtype))
    # The copy owns its memory and is writable; a plain reshape would be a read-only view of the payload.
    return flat.reshape(shape, order=order).copy(order)


def _read_numpy_scalar(node: Node) -> Any:
    _, dtype, content = node
    if not _DTYPE.fullmatch(dtype):
        raise ValueError(f"no scalar has the type {dtype!r}")
    kind = np.dtype(dtype)
    if len(content) != kind.itemsize:
        raise ValueError("a scalar's bytes do not fit its type")
    return np.frombuffer(content, dtype=kind)[0] if content else kind.type()


def _read_datetime(node: Node) -> dt.datetime:
    _, year, month, day, hour, minute, second, microsecond, fold, offset = node
    zone = None if offset is None else dt.timezone(dt.timedelta(seconds=offset))
    return dt.datetime(year, month, day, hour, minute, second, microsecond, zone, fold=fold)


def _read_random(node: Node) -> random.Random:
    _, version, content, place, gauss = node
    if len(content) != 2496 or not 0 <= place <= 624:
        raise ValueError("a Mersenne twister has 624 words and a place among them")
    generator = random.Random.__new__(random.Random)
    generator.setstate((version, (*np.frombuffer(content, "<u4").tolist(), place), gauss))
    return generator


def _read_random_state(node: Node) -> np.random.RandomState:
    state = _read_state(node[1])
    generator = np.random.RandomState(_BIT_GENERATORS[state["bit_generator"]]())
    generator.set_state(state)
    return generator


def _read_bit_generator(node: Node) -> Any:
    generator = _BIT_GENERATORS[node[1]]()
    generator.state = _read_state(node[2])
    return generator


LEAF_READERS: dict[int, Callable[[Node], Any]] = {
    nodes.BIG_INT: lambda node: int.from_bytes(_bytes(node[1]), "little", signed=True),
    nodes.RAW_TEXT: lambda node: _bytes(node[1]).decode("utf-8", "surrogatepass"),
    nodes.COMPLEX: lambda node: complex(node[1], node[2]),
    nodes.ARRAY: _read_array,
    nodes.NUMPY_SCALAR: _read_numpy_scalar,
    nodes.RANDOM: _read_random,
    nodes.BIT_GENERATOR: _read_bit_generator,
    nodes.RANDOM_STATE: _read_random_state,
    nodes.BYTEARRAY: lambda node: bytearray(_bytes(node[1])),
    nodes.DATE: lambda node: dt.date.fromordinal(node[1]),
    nodes.DATETIME: _read_datetime,
    nodes.TIMEDELTA: lambda node: dt.timedelta(node[1], node[2], node[3]),
}
"""How each of these node kinds is read. They raise whatever their types raise for malformed nodes."""


def _bytes(content: Node) -> bytes:
    # A number instead would be taken for a length, and memory for it.
    if type(content) is not bytes:
        raise ValueError("expected bytes")
    return content
