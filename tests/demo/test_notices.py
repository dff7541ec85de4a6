"""Errors as notices and as errors of the API."""

import gradio as gr
import pytest

from demo.notices import with_gradio_error, with_notice
from deresunet import InputError


def test_input_errors_become_an_escaped_notice_and_leave_the_rest():
    @with_notice(2, "The frame was not <opened>")
    def answer(good):
        if not good:
            raise InputError("<script>.png is empty")
        return ["one", "two"]

    assert answer(True) == ["", "one", "two"], "success takes the notice away"
    notice, *rest = answer(False)
    assert "&lt;script&gt;.png is empty" in notice
    assert 'role="alert"' in notice
    assert "The frame was not &lt;opened&gt;." in notice
    assert rest == [gr.skip(), gr.skip()]


def test_programs_get_an_error():
    @with_gradio_error
    def refuse():
        raise InputError("<script>.png is empty")

    with pytest.raises(gr.Error) as raised:
        refuse()
    assert raised.value.message == "&lt;script&gt;.png is empty"


@pytest.mark.parametrize("wrap", [with_notice(1, "It failed"), with_gradio_error])
def test_other_errors_are_not_swallowed(wrap):
    @wrap
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
