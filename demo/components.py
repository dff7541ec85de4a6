"""Components and options of events that several tabs share."""

from __future__ import annotations

from typing import Any

from demo.deploy import zerogpu
from demo.inspector import DatasetFrame, Upload
from deresunet.evaluation.html import MODALITY_NAMES

MODALITIES = [(name, value) for value, name in MODALITY_NAMES.items()]

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
# The network takes one frame at a time, whoever asks; the queue shows the others their place.
NETWORK: dict[str, Any] = {"concurrency_id": "network", "concurrency_limit": zerogpu.CONCURRENCY}

Origin = DatasetFrame | Upload
