"""Every event of the page, asked with wrong values: an answer, or an error in words."""

from __future__ import annotations

import asyncio
import math
import shutil
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState
from networks import small_checkpoint, small_network

import deresunet
from demo.inspector import Inspector
from demo.page import build
from demo.server.guard import GuardedBlocks
from demo.server.values import check_selection, check_states, check_value
from deresunet import InputError
from deresunet.config import Preprocessing
from deresunet.data.folder import SAMPLES_DIR
from deresunet.inference.network import network_of
from deresunet.model.checkpoint import save_checkpoint

WRONG = [
    None,
    "",
    "\x00/../../etc/passwd",
    "<script>",
    -1,
    10**400,
    math.nan,
    True,
    [],
    [[1, 2], [3]],
    {},
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    {"__type__": "update", "value": 3},
]


@pytest.fixture(scope="module")
def page(rooms, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        predictor = deresunet.Predictor(network_of(small_checkpoint(), "cpu", "eager"))
        page = build(Inspector(predictor, {"sample rooms": rooms}), allow_checkpoints=True)
        page.queue()
        yield page


def ask(page, event, values):
    """What comes of an event: "answer", or the words of the error."""
    data = gr.EventData(None, {"index": values[0] if values else None, "value": values[-1] if values else None})
    request = gr.Request(query_params={}, session_hash="x")
    try:
        asyncio.run(page.process_api(event, list(values), SessionState(page), request, None, "x", None, data))
    except gr.Error as error:
        return error.message
    return "answer"


def test_no_event_ends_without_words_or_in_a_traceback(page, caplog):
    """Values are checked where they come in: none of them is a fault that somebody has to look into."""
    asked, silent = 0, []
    for event in page.fns.values():
        if event.fn is None:
            continue
        calls = [[value] * len(event.inputs) for value in WRONG] + [[], [None] * (len(event.inputs) + 1)]
        for values in calls:
            asked += 1
            told = ask(page, event, values)
            if not (isinstance(told, str) and len(told) > 5) or "<script>" in told:
                silent.append((event.name, values, told))
    assert asked > 300
    assert not silent, silent[:5]
    assert not [record.getMessage() for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("value", ["a", None, math.nan, math.inf, 10**400, [], True])
def test_a_slider_takes_finite_numbers_alone(value):
    with pytest.raises(InputError, match="Opacity does not take the value"):
        check_value(gr.Slider(0, 1, 0.5, label="Opacity"), value)


@pytest.mark.parametrize(
    ("component", "good", "bad"),
    [
        (gr.Slider(0, 1), [0.5, 0], ["0"]),
        (gr.Checkbox(), [True, False], [None, 1, "true"]),
        (gr.Dropdown(["a"], value="a"), ["a"], [None, [], {}]),
        (gr.Dropdown([], value=None), ["a", None], [[]]),
        (gr.Dropdown(["a"], value="a", allow_custom_value=True), ["b", None], [["a"], {}]),
        (gr.Dropdown(["a"], multiselect=True), [[], ["a"]], [None, "a"]),
        (gr.Radio(["a"], value="a"), ["a"], [None, {}]),
        (gr.Textbox(), ["", None], []),
    ],
)
def test_values_are_those_that_the_component_gives(component, good, bad):
    for value in good:
        check_value(component, value)
    for value in bad:
        with pytest.raises(InputError):
            check_value(component, value)


@pytest.mark.parametrize(
    ("target", "good", "bad"),
    [
        (gr.Gallery, [0, 7], [-1, [0, 1], None, "0", True, 0.5]),
        (gr.Image, [[0, 1], (2.5, 3)], [0, [1], [1, 2, 3], ["a", 1], [math.nan, 1], None]),
        (gr.HTML, [0, [1, 2]], [None, "x", {}, [1]]),
    ],
)
def test_selections_are_those_of_the_component_that_is_selected_in(target, good, bad):
    for index in good:
        check_selection([target()], {"index": index, "value": None})
    for data in [*({"index": index, "value": None} for index in bad), {"index": good[0]}, None, []]:
        with pytest.raises(InputError, match="The selection is"):
            check_selection([target()], data)


def test_an_empty_state_is_refused_where_the_handler_does_not_allow_for_it():
    def handler(chosen: gr.SelectData, asked: str, here: str | None, *rest: Any) -> None: ...

    states = [gr.State(), gr.State(), gr.State()]
    check_states(handler, states, ["a", None, None])
    with pytest.raises(InputError, match="Reload the page"):
        check_states(handler, states, [None, "b", "c"])


def test_uploaded_weights_are_seen_by_their_visitor_alone(page, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    event = next(one for one in page.fns.values() if one.name == "on_file")
    offered = page.fns[next(key for key, one in page.fns.items() if one.api_name == "segment")]
    choices = {}
    for visitor, layout in (("ann", "gated"), ("bob", "bottleneck blocks")):
        path = tmp_path / visitor / "mine.safetensors"
        path.parent.mkdir()
        save_checkpoint(path, small_network(layout), preprocessing=Preprocessing(network_pixels=96 * 128))
        file = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
        told = asyncio.run(page.process_api(event, [file, None], SessionState(page), session_hash=visitor))
        notice, dropdown, *_ = told["data"]
        assert not notice
        choices[visitor] = {name for _, name in dropdown["choices"]}
    own = {visitor: choices[visitor] - choices[other] for visitor, other in (("ann", "bob"), ("bob", "ann"))}
    assert [len(names) for names in own.values()] == [1, 1]
    assert "mine" not in str(own), "and by no name that another could guess"
    file = {"path": str(tmp_path / "ann" / "room.jpg"), "meta": {"_type": "gradio.FileData"}}
    shutil.copy(SAMPLES_DIR / "rgb" / "0001.jpg", file["path"])
    (name,) = own["ann"]
    assert ask(page, offered, [file, None, None, "auto", "rgbd", name]) == "answer"
    told = ask(page, offered, [file, None, None, "auto", "rgbd", "mine.safetensors"])
    assert "No weights are called" in told
    assert not any(next(iter(names)) in told for names in own.values())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("/srv/secret"), "do not fit the page"),
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left", "/srv/secret"), "disk is full"),
        (PermissionError(13, "Permission denied", "/srv/secret"), "could not read or write"),
        (deresunet.InputError("Give <b>RGB</b>."), "Give &lt;b&gt;RGB&lt;/b&gt;."),
    ],
)
def test_an_error_is_told_in_words_without_paths(error, words):
    def fail():
        raise error

    with GuardedBlocks() as page:
        gr.Button().click(fail)
    told = ask(page, page.fns[0], [])
    assert words in told
    assert "secret" not in told
