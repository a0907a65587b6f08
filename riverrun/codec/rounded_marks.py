"""How rounded units are told from exact ones: by their first bytes, without what computes with numbers."""

from __future__ import annotations

from riverrun.codec import nodes
from riverrun.core.units import Unit

_ROUNDED_ROWS = bytes([0x92, nodes.ROW_UNIT, 0x94, nodes.ROUNDED])
_ROUNDED_TENSOR = bytes([0x93, nodes.ROUNDED_BLOCK])


def is_rounded(unit: Unit) -> bool:
    """Whether `unit` holds rounded numbers; its exact form is then the trainer's unit of the same number."""
    return unit.startswith((_ROUNDED_ROWS, _ROUNDED_TENSOR))
