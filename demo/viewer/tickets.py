"""Names that a browser has for inspections, so that a click can ask about one."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from threading import Lock
from typing import Any

from demo.inspection import Inspection, Kept
from demo.viewer.viewer import class_probabilities

# About 0.5 kB each.
_KEPT = 4096
GONE = "This result is no longer kept. Open the frame again."


class Tickets:
    """Inspections by names that nobody can guess who was not given one."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._inspections: OrderedDict[str, Kept[Inspection]] = OrderedDict()
        self._lock = Lock()

    def issue(self, inspection: Kept[Inspection]) -> str:
        """The name of an inspection; the same one for the same inspection."""
        name = hashlib.blake2b(repr(inspection.key).encode(), digest_size=16, key=self._key).hexdigest()
        with self._lock:
            self._inspections[name] = inspection
            self._inspections.move_to_end(name)
            while len(self._inspections) > _KEPT:
                self._inspections.popitem(last=False)
        return name

    def pixel(self, asked: Any) -> list[tuple[int, float]] | str:
        """Answer a click: `class_probabilities` of [name, row, column], or in words why there are none.

        The network never runs for a click.
        """
        match asked:
            case [str(name), int(row), int(column)]:
                kept = self._inspections.get(name)
                inspection = None if kept is None else kept.peek()
                if inspection is None:
                    return GONE
                height, width = inspection.label.shape
                if not (0 <= row < height and 0 <= column < width):
                    return f"There is no such pixel; the picture is {width} x {height}."
                if not inspection.has_entropy:
                    return "Stored predictions have no class probabilities: they need the network itself."
                return class_probabilities(inspection, row, column)
        return "Expected a ticket, a row and a column."
