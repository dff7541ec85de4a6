"""Errors that a visitor or a program can mend, as notices on the page and as errors of the API."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from deresunet.errors import InputError

log = logging.getLogger(__name__)
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def notice(failed: str, message: str) -> str:
    """An error as HTML: what failed, and why; both are escaped."""
    return f'<div class="notice" role="alert"><b>{html.escape(failed)}.</b> {html.escape(message)}</div>'


def with_notice(
    outputs: int, failed: str, cleared: bool = True
) -> Callable[[Callable[_Parameters, list[Any]]], Callable[_Parameters, list[Any]]]:
    """Wrap an event handler so that an InputError becomes a notice and leaves the handler's outputs as they are.

    The wrapped handler returns the notice followed by the handler's own outputs.

    Args:
        outputs: number of values that the handler returns.
        failed: what failed, in a few words.
        cleared: whether success takes an earlier notice away.
    """

    def decorate(handler: Callable[_Parameters, list[Any]]) -> Callable[_Parameters, list[Any]]:
        @wraps(handler)
        def wrapped(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> list[Any]:
            try:
                return ["" if cleared else gr.skip(), *handler(*args, **kwargs)]
            except InputError as error:
                log.info("%s: %s", failed, error)
                return [notice(failed, str(error)), *[gr.skip()] * outputs]

        return wrapped

    return decorate


def with_gradio_error(handler: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Wrap a function of the API so that an InputError becomes Gradio's, escaped for clients that show HTML."""

    @wraps(handler)
    def wrapped(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return handler(*args, **kwargs)
        except InputError as error:
            raise gr.Error(html.escape(str(error)), print_exception=False) from error

    return wrapped
