"""Inspections that the tests of several tabs look at."""

import pytest

from demo.inspection import inspect
from demo.server.pictures import keep_pictures_whole
from deresunet import Frame

keep_pictures_whole()  # as every server does; visitors at the same time get halves of Gradio's otherwise


@pytest.fixture(scope="session")
def predictor(bundled):
    """The weights that a visitor meets; `small` where many frames are run."""
    return bundled


@pytest.fixture(scope="session")
def seen(predictor, room):
    return inspect(predictor, room)


@pytest.fixture(scope="session")
def without_depth(predictor, room):
    return inspect(predictor, room, "rgb")


@pytest.fixture(scope="session")
def depth_alone(predictor, room):
    return inspect(predictor, room, "depth")


@pytest.fixture(scope="session")
def bare(predictor, room):
    """RGB alone, without ground truth, under a name that must be escaped."""
    return inspect(predictor, Frame(rgb=room.rgb, name="<i>bare</i>"))
