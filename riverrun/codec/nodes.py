"""The node kinds of a unit's payload; `docs/reference/wire-format.md` says what each one holds.

A payload is one MessagePack value. None, booleans, floats, 64-bit integers, text and bytes stand for
themselves, a map for a plain dict; everything else is an array that begins with one of these numbers.
A number, once released, keeps its meaning for ever.
"""

from __future__ import annotations

from typing import Final

OBJECT: Final = 0
REF: Final = 1
TRAINER_REF: Final = 2
LIST: Final = 3
TUPLE: Final = 4
SET: Final = 5
FROZENSET: Final = 6
PAIRS: Final = 7
MAPPING: Final = 8
ROWS: Final = 9
DEQUE: Final = 10
EXTENDED: Final = 11
TYPE: Final = 12
FUNCTION: Final = 13
METHOD: Final = 14
PARTIAL: Final = 15
ENUM: Final = 16
NAMED_TUPLE: Final = 17
SUBVALUE: Final = 18
BIG_INT: Final = 19
RAW_TEXT: Final = 20
COMPLEX: Final = 21
ARRAY: Final = 22
NUMPY_SCALAR: Final = 23
OPAQUE: Final = 24
TABLE: Final = 25
RANDOM: Final = 26
BIT_GENERATOR: Final = 27
GENERATOR: Final = 28
RANDOM_STATE: Final = 29
BYTEARRAY: Final = 30
DATE: Final = 31
DATETIME: Final = 32
TIMEDELTA: Final = 33
COPIER: Final = 34
SHAPE: Final = 35
ROW_UNIT: Final = 36
ITERATOR: Final = 37
ITEM_GETTER: Final = 38
RANGE: Final = 39
ROUNDED: Final = 40
ROUNDED_BLOCK: Final = 41

ATOMS: Final = frozenset({type(None), bool, int, float, str, bytes})
"""Types that stand for themselves: 64-bit integers and well-formed text only."""

ROOT_UNIT: Final = 0
"""The number of the unit that holds the root object."""
