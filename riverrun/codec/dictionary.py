"""The zstd dictionaries that small deltas are packed with.

A dictionary is part of the wire form: once released it never changes, and another one gets another
number and another form in `riverrun.codec.wire`. `scripts/train_dictionary.py` makes them.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDict
else:
    from backports.zstd import ZstdDict

DICTIONARY_BYTES = 2048
"""The size of a dictionary: 4 KiB pack no better, 1 KiB worse (`benchmarks/packing.py`)."""


def path_of(number: int) -> Path:
    """Where dictionary `number` lies in this package."""
    return Path(__file__).with_name(f"dictionary-{number}.zstd")


@cache
def dictionary(number: int) -> ZstdDict:
    """Dictionary `number`, read from this package at the first call."""
    return ZstdDict(path_of(number).read_bytes())
