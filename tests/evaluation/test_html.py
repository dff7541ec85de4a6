"""Pieces of HTML of the page and its reports."""

from __future__ import annotations

import math
import re

from deresunet.evaluation.failures import Failure, coverage
from deresunet.evaluation.html import Effect, amber, forest, in_percent


def test_percentages_have_one_form():
    assert [in_percent(0.8264), in_percent(0.8264, 0), in_percent(math.nan)] == ["82.6 %", "83 %", "n/a"]


def test_missing_frames_are_counted_and_named():
    assert coverage(109, (), ()) == ""
    names = ("0358", "0360", "0401", "0402")
    said = coverage(105, names, ())
    assert said == "105 of 109 frames: 4 have no prediction (0358, 0360, 0401, ...)"
    assert coverage(8, ("a",), [Failure("b", "torn")]) == (
        "8 of 10 frames: 1 has no prediction (a), 1 could not be used (b)"
    )
    assert amber("") == ""
    assert "&lt;b&gt;" in amber("<b>")


def test_a_forest_plot_is_sorted_by_effect_and_faded_where_the_interval_contains_zero():
    nan = float("nan")
    effects = [Effect("sofa", -2.0, -4.0, -1.0), Effect("<wall>", 0.5, -0.5, 1.0), Effect("bed", 3.0, 1.0, 4.0)]
    plot = forest([*effects, Effect("bag", nan, nan, nan)])
    rows = re.findall(r"<li( class=faded)?><span>(.*?)</span>", plot)
    assert rows == [("", "bed"), (" class=faded", "&lt;wall&gt;"), ("", "sofa")]
    # The axis reaches 4 points to either side: the middle is 0, and +3 lies at 50 + 50 * 3 / 4 %.
    assert 'class="gain" style="left:87.50%"' in plot
    assert 'class="loss" style="left:25.00%"' in plot
    assert 'style="left:0.00%;width:37.50%"' in plot
    assert "Too few frames" in forest([Effect("bag", nan, nan, nan)])
