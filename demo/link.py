"""A link that opens the page on the same frame, weights and look. Only names travel, never a visitor's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args
from urllib.parse import urlencode, urlsplit, urlunsplit

from demo.inspect.messages import ALL_CLASSES, MODALITY_NAMES
from demo.inspect.panels import VIEWS, View
from deresunet.classes import DISPLAY_NAMES
from deresunet.errors import InputError
from deresunet.inference.preprocessing import Modality


@dataclass(frozen=True)
class Link:
    """What a link says; None where it leaves the page's own choice.

    Attributes:
        data: name of the data set.
        frame: name of the frame.
        weights: name of the checkpoint.
        given: what the network is given.
        view: what the prediction's panel shows.
        only: display name of a class, or "all classes".
    """

    data: str | None = None
    frame: str | None = None
    weights: str | None = None
    given: Modality | None = None
    view: View | None = None
    only: str | None = None


def read_link(query: Mapping[str, str]) -> Link:
    """The link that a page was opened with.

    Raises:
        InputError: it names something that does not exist.
    """
    choices = {"given": list(MODALITY_NAMES), "view": list(VIEWS), "class": [ALL_CLASSES, *DISPLAY_NAMES]}
    for key, allowed in choices.items():
        if key in query and query[key] not in allowed:
            raise InputError(f"the link has {key}={query[key]!r}; expected one of {', '.join(allowed)}.")
    assert set(choices["view"]) == set(get_args(View))
    fields = {key: query.get(key) for key in ("data", "frame", "weights", "given", "view")}
    return Link(**fields, only=query.get("class"))  # type: ignore[arg-type]


def write_link(page: str, link: Link) -> str:
    """The address that opens `page` (its own address, whatever its query) as `link` says."""
    fields = {**vars(link), "class": link.only}
    del fields["only"]
    query = urlencode({key: value for key, value in fields.items() if value is not None})
    parts = urlsplit(page)
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))
