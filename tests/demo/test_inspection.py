"""Inspections: bounded, and each made once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from demo.inspection import DISPLAY_SIDE, Cache, Kept, inspect
from deresunet import Frame
from deresunet.evaluation.metrics import scores


def test_large_frames_are_shown_small_but_scored_whole(small):
    label = np.ones((1500, 2000), np.uint8)
    frame = Frame(rgb=np.full((1500, 2000, 3), 128, np.uint8), label=label)
    seen = inspect(small, frame)
    assert max(seen.background.shape[:2]) <= DISPLAY_SIDE
    assert seen.background.shape[:2] == seen.label.shape == seen.truth.shape
    assert seen.scores.truth_pixels.sum() == label.size
    assert seen.described["width"] == 2000


def test_a_result_is_made_once_and_the_cache_is_bounded(seen):
    made = []
    cache = Cache(2, lambda _: 1)

    def make(name):
        return cache.get(("set", name, "rgbd"), lambda: made.append(name) or seen)

    for name in ("a", "a", "b", "c", "b", "a"):
        make(name)
    assert made == ["a", "b", "c", "a"]


def test_a_result_is_made_once_for_all_who_ask_at_the_same_time():
    cache, began, go_on, made = Cache(2, lambda _: 1), threading.Event(), threading.Event(), []

    def make():
        made.append(1)
        began.set()
        assert go_on.wait(10)
        return "result"

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(cache.get, "frame", make)
        assert began.wait(10)
        others = [pool.submit(cache.get, "frame", make) for _ in range(7)]
        other = cache.get("another frame", lambda: "no wait")
        go_on.set()
        assert {future.result(10) for future in (first, *others)} == {"result"}
    assert (other, made) == ("no wait", [1])


def test_a_failure_is_told_once_and_tried_anew():
    cache, began, go_on = Cache(2, lambda _: 1), threading.Event(), threading.Event()

    def fail():
        began.set()
        assert go_on.wait(10)
        raise ValueError("no quota")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "frame", fail)
        assert began.wait(10)
        second = pool.submit(cache.get, "frame", lambda: "result")
        go_on.set()
        with pytest.raises(ValueError, match="no quota"):
            first.result(10)
        assert second.result(10) == "result"
    assert len(cache) == 1


def test_numbers_of_the_page_are_those_of_the_command_line(seen):
    matrix = seen.result.matrix()
    assert scores(matrix).miou == seen.scores.miou
    assert seen.described["miou"] == round(100 * seen.scores.miou, 4)


def test_a_visitors_state_is_bounded(small):
    frame = Frame(
        rgb=np.zeros((4000, 4096, 3), np.uint8),
        depth=np.ones((4000, 4096), np.float32),
        label=np.ones((4000, 4096), np.uint8),
    )
    seen = inspect(small, frame)
    held = [seen.background, seen.depth, seen.truth, seen.classes, seen.probabilities, seen.entropy]
    assert sum(array.nbytes for array in held) < 64e6
    assert all(array.base is None for array in held), "nothing holds on to the frame's full arrays"


def test_results_are_bounded_by_their_memory_and_by_time():
    now, made = [0.0], []
    cache = Cache(100, len, keep_s=60.0, clock=lambda: now[0])

    def handle(name, size):
        return Kept(cache, name, lambda: made.append(name) or "x" * size)

    visitors = [handle(f"visitor {k}", 30) for k in range(10)]
    for visitor in visitors:
        visitor.get()
    assert cache.nbytes <= 100
    assert len(cache) == 3
    assert visitors[0].get() == "x" * 30, "who comes back gets the result, made anew"
    assert made.count("visitor 0") == 2
    assert handle("large", 1000).get() == "x" * 1000, "one that is larger than all is still given"
    assert len(cache) == 1
    now[0] = 61.0
    handle("new", 1).get()
    assert len(cache) == 1, "nobody asked for the large one in a minute"
