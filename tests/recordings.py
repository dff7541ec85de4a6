"""Whether a split keeps recordings whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def recordings_cut(sequence_of: Mapping[str, str], chosen: Iterable[str]) -> list[str]:
    """Recordings with frames on both sides of `chosen`; a sound split has none."""
    inside = set(chosen)
    sides: dict[str, set[bool]] = {}
    for name, sequence in sequence_of.items():
        sides.setdefault(sequence, set()).add(name in inside)
    return sorted(sequence for sequence, both in sides.items() if len(both) == 2)
