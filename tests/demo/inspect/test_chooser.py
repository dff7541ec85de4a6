"""The strip of frames: what it lists, and what follows a frame that was opened."""

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from demo.inspect.chooser import NOTHING_SOUGHT, STRIP, Listing, follow, listing_updates, neighbour, selection
from demo.inspector import DatasetFrame, Inspector, Upload
from deresunet.data.readers import open_reader

COUNT = STRIP + 3


@pytest.fixture(scope="module")
def inspector(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    (folder / "rgb").mkdir()
    for k in range(COUNT):
        Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(folder / "rgb" / f"{k:03}.png")
    return Inspector(small, {"many": open_reader(root=folder, split="all")})


def test_a_long_list_is_shown_in_parts(inspector):
    everything = Listing("many", inspector.names("many"))
    listing, gallery, line, before, after = listing_updates(inspector, everything)
    assert listing is everything
    assert len(gallery.value) == STRIP
    assert line == f"1 to {STRIP} of {COUNT} frames"
    assert (before.visible, before.interactive, after.interactive) == (True, False, True)
    end = everything.strip_with(STRIP + 1)
    assert end.shown == everything.names[STRIP:]
    assert everything.strip_with(5) is everything


def test_pages_of_the_strip_reach_every_frame_and_stop_at_the_ends(inspector):
    everything = Listing("many", inspector.names("many"))
    end = everything.page(1)
    assert everything.shown + end.shown == everything.names
    assert end.page(1) == end
    assert end.page(-1) == everything.page(-1) == everything
    _, _, line, before, after = listing_updates(inspector, end)
    assert line == f"{STRIP + 1} to {COUNT} of {COUNT} frames"
    assert (before.interactive, after.interactive) == (True, False)
    assert selection(DatasetFrame("many", "000"), end).selected_index is None, "on another page"
    assert not listing_updates(inspector, Listing("many", ("000", "001")))[3].visible


def test_a_list_from_elsewhere_says_its_order_on_every_page(inspector):
    worst = Listing("many", inspector.names("many")[::-1], order="worst first by <b>")
    chip = ' <button type="button" class="filter" data-clear="order" title="Remove">worst first by &lt;b&gt;</button>'
    assert listing_updates(inspector, worst)[2] == f"1 to {STRIP} of {COUNT} frames{chip}"
    for there in (worst.page(1), worst.strip_with(COUNT - 1)):
        said = listing_updates(inspector, there)[2]
        assert said == f"{STRIP + 1} to {COUNT} of {COUNT} frames{chip}"


def test_previous_and_next_walk_through_the_list_and_stop_at_its_ends(inspector):
    found = Listing("many", ("000", "010", "020"))
    at = DatasetFrame("many", "010")
    assert neighbour(found, at, 1) == DatasetFrame("many", "020")
    assert neighbour(found, at, -1) == DatasetFrame("many", "000")
    assert neighbour(found, DatasetFrame("many", "020"), 1) is None
    assert neighbour(found, DatasetFrame("many", "000"), -1) is None
    assert neighbour(found, Upload("mine.jpg"), 1) == DatasetFrame("many", "000"), "from an upload, to the first"
    assert neighbour(None, at, 1) is None


def test_source_and_strip_follow_whatever_opened_the_frame(inspector):
    last = DatasetFrame("many", f"{COUNT - 1:03}")
    source, variant, *found = follow(inspector, last, Listing("many", ("000",)))
    assert (source, variant.value, variant.visible) == ("many", "many", False)
    assert (*found[:2], found[2].value) == NOTHING_SOUGHT
    listing = found[3]
    assert last.name in listing.shown
    assert selection(last, listing).selected_index == listing.shown.index(last.name)
    source, _, *kept = follow(inspector, last, listing)
    assert source == "many"
    assert kept == [gr.skip()] * 8, "what is listed stays as it is"
    assert follow(inspector, Upload("mine.jpg"), listing) == [gr.skip()] * 10
    assert selection(Upload("mine.jpg"), listing).selected_index is None
