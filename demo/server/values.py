"""Values of events as browsers and programs send them, checked before a handler gets them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, get_args, get_type_hints

import gradio as gr
from gradio.blocks import Block

from deresunet.errors import InputError


def check_value(component: Block, value: Any) -> None:
    """Refuse a value that a component's own widget never gives, and that its `preprocess` lets through.

    Args:
        component: an input of an event.
        value: what its `preprocess` returned.

    Raises:
        InputError: the message names the component.
    """
    match component:
        case gr.Slider() | gr.Number():
            fits = _is_number(value)
        case gr.Checkbox():
            fits = isinstance(value, bool)
        case gr.Dropdown() if component.multiselect:
            fits = isinstance(value, list)
        case gr.Dropdown() | gr.Radio():
            # None is a choice that was never made, or an empty field of one's own words; no other can be taken back.
            empty = component.value is None or getattr(component, "allow_custom_value", False)
            fits = isinstance(value, str | int | float) or (value is None and empty)
        case _:
            fits = True
    if not fits:
        raise InputError(f"{getattr(component, 'label', None) or 'A control'} does not take the value {value!r:.60}.")


def hints_of(handler: Callable[..., Any]) -> dict[str, Any]:
    """Annotations of a handler by parameter; none where Gradio cannot resolve them either."""
    try:
        return get_type_hints(handler)
    except (NameError, TypeError):
        return {}


def check_states(handler: Callable[..., Any], components: Sequence[Block], values: Sequence[Any]) -> None:
    """Refuse an event whose states are empty though its handler's annotations do not allow for that.

    Args:
        handler: the event's.
        components: its inputs.
        values: what they hold.

    Raises:
        InputError: the message says to reload the page.
    """
    hints = hints_of(handler)
    # Gradio hands these in beside the inputs.
    given = [
        name for name in inspect.signature(handler).parameters if hints.get(name) not in (gr.SelectData, gr.Request)
    ]
    for name, component, value in zip(given, components, values, strict=False):
        hint = hints.get(name, Any)
        if isinstance(component, gr.State) and value is None and hint is not Any and NoneType not in get_args(hint):
            raise InputError("Nothing was opened for this yet, or your visit has expired. Reload the page.")


def check_selection(targets: list[Block], data: Any) -> None:
    """Refuse the data of a selection unless it is as the components that are selected in send it.

    Args:
        targets: the components.
        data: "index" (a number in a gallery, column and row in a picture) and "value".

    Raises:
        InputError: it is not; the message says what was expected.
    """
    index = data.get("index") if isinstance(data, dict) else None
    place = isinstance(index, list | tuple) and len(index) == 2 and all(map(_is_number, index))
    number = isinstance(index, int) and not isinstance(index, bool) and index >= 0
    if any(isinstance(target, gr.Gallery) for target in targets):
        fits, expected = number, "the number of a picture"
    elif any(isinstance(target, gr.Image) for target in targets):
        fits, expected = place, "column and row"
    else:
        fits, expected = number or place, "a number, or column and row"
    if not fits or "value" not in data:
        raise InputError(f"The selection is {data!r:.80}; expected index ({expected}) and value.")


def _is_number(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False
