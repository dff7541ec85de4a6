"""A link that opens the page at the same view. Only names and settings travel, never a visitor's files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import parse_qsl, urlencode

from demo.markup import ALL_CLASSES, NO_CLASS
from demo.viewer.layers import Layer
from deresunet.classes import SUNRGBD37
from deresunet.inference.preprocessing import Modality

# Names of settings in links that were made by earlier versions.
_EARLIER = {"given": "modality", "view": "layer", "overlay": "layer"}
Tab = Literal["inspect", "compare", "dataset", "about"]
NOT_IN_LINKS = "An upload is not part of a link: upload it again to see it."


@dataclass(frozen=True)
class Link:
    """The settings in a link; None leaves the page's default.

    Attributes:
        data: name of the data set.
        frame: name of the frame.
        weights: name of the checkpoint.
        modality: modality that the network is given.
        layer: what is shown.
        classes: display names of the class filter.
        contours: whether classes are painted as contours.
        boxes: whether 3D boxes are drawn over RGB.
        opacity: opacity of colours over the picture, 0..1.
        pixel: row and column of the pixel that is marked, in the pictures.
        tab: the tab that is on screen.
        upload: whether the frame is an upload, which no link holds.
    """

    data: str | None = None
    frame: str | None = None
    weights: str | None = None
    modality: Modality | None = None
    layer: Layer | None = None
    classes: tuple[str, ...] | None = None
    contours: bool = False
    boxes: bool = False
    opacity: float | None = None
    pixel: tuple[int, int] | None = None
    tab: Tab = "inspect"
    upload: bool = False


def queried(search: str | None) -> dict[str, str]:
    """The query of an address, such as "?tab=dataset", by key; none where a program gives no address."""
    return dict(parse_qsl((search or "").removeprefix("?")))


def read_run(text: str) -> tuple[str, str]:
    """Weights and modality of a run written as WEIGHTS@MODALITY, as the command line's --compare takes it."""
    weights, _, modality = text.rpartition("@")
    return weights, modality


def read_link(query: Mapping[str, str], class_names: Sequence[str] = SUNRGBD37.display_names) -> tuple[Link, list[str]]:
    """Read the query of the address that the page was opened with.

    Args:
        query: its fields.
        class_names: display names of the classes that the page knows.

    Returns:
        The link, without the settings that cannot be used, and a sentence about each of these.
    """
    asked = {_EARLIER.get(key, key): value for key, value in query.items()}
    if asked.get("layer") == "classes":  # the name of the overlay over the prediction in earlier links
        asked["layer"] = "prediction"
    problems: list[str] = []

    def one_of(key: str, offered: Sequence[str]) -> str | None:
        value = asked.get(key)
        if value is None or value in offered:
            return value
        problems.append(f"{key} {value!r} is not on offer; there are {', '.join(offered)}.")
        return None

    classes = None
    if asked.get("class") not in (None, ALL_CLASSES):
        offered = (NO_CLASS, *class_names)
        names = _separated(asked["class"], offered)
        unknown = [name for name in names if name not in offered]
        if unknown:
            problems.append(
                f"class {unknown[0]!r} is not one of the {len(class_names)}, such as {', '.join(class_names[:3])}."
            )
        classes = tuple(name for name in names if name in offered) or None
    opacity = _numbers(asked.get("opacity"), 1)
    if opacity is not None and not (opacity and 0 <= opacity[0] <= 1):
        problems.append(f"opacity {asked['opacity']!r} is not a number from 0 to 1.")
        opacity = None
    pixel = _numbers(asked.get("pixel"), 2)
    if pixel is not None and not (pixel and min(pixel) >= 0):
        problems.append(f"pixel {asked['pixel']!r} is not a row and a column, such as 120,200.")
        pixel = None
    if "upload" in asked:
        problems.append(NOT_IN_LINKS)
    link = Link(
        data=asked.get("data"),
        frame=asked.get("frame"),
        weights=asked.get("weights"),
        modality=one_of("modality", get_args(Modality)),  # type: ignore[arg-type]
        layer=one_of("layer", get_args(Layer)),  # type: ignore[arg-type]
        classes=classes,
        contours=asked.get("contours") == "1",
        boxes=asked.get("boxes") == "1",
        opacity=opacity[0] if opacity else None,
        pixel=(int(pixel[0]), int(pixel[1])) if pixel else None,
        upload="upload" in asked,
        tab=one_of("tab", get_args(Tab)) or "inspect",  # type: ignore[arg-type]
    )
    return link, problems


def write_query(link: Link) -> str:
    """The query of the address that opens the page as `link` says, without the question mark."""
    fields: dict[str, object] = {
        **vars(link),
        "class": ",".join(link.classes) if link.classes else None,
        "contours": "1" if link.contours else None,
        "boxes": "1" if link.boxes else None,
        "opacity": None if link.opacity is None else f"{link.opacity:g}",
        "pixel": None if link.pixel is None else f"{link.pixel[0]},{link.pixel[1]}",
        "upload": "1" if link.upload else None,
        "tab": None if link.tab == "inspect" else link.tab,
    }
    del fields["classes"]
    return urlencode({key: value for key, value in fields.items() if value is not None})


def address_script(tab: Tab, keys: Sequence[str], usual: Mapping[str, str]) -> str:
    """Script of an event that writes controls' values into a tab's address, without those that are as `usual`."""
    return f"""(...values) => {{
        const usual = {json.dumps(dict(usual))};
        const entries = {json.dumps(list(keys))}.map((key, k) => [key, values[k] === usual[key] ? null : values[k]]);
        window.writeAddress?.(Object.fromEntries(entries), true, '{tab}');
        return [];
    }}"""


def _separated(text: str, offered: Sequence[str]) -> list[str]:
    """Names between commas, where some of those on offer hold commas themselves."""
    parts, names = text.split(","), []
    while parts:
        ends = range(len(parts), 1, -1)
        end = next((end for end in ends if ",".join(parts[:end]) in offered), 1)
        names.append(",".join(parts[:end]))
        parts = parts[end:]
    return names


def _numbers(text: str | None, count: int) -> tuple[float, ...] | None:
    """Finite numbers between commas; None for no text, and nothing at all where they are not `count` numbers."""
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        return ()
    return numbers if len(numbers) == count and all(abs(number) < 1e6 for number in numbers) else ()
