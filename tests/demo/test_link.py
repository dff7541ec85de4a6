"""Links to a view of the page."""

from urllib.parse import parse_qsl

import pytest

from demo.link import Link, read_link, write_query


@pytest.mark.parametrize(
    "link",
    [
        Link(
            "my set (test)",
            "a&b=c",
            "w.safetensors",
            "rgb",
            "errors",
            ("shower curtain", "wall"),
            True,
            True,
            0.35,
            (12, 300),
        ),
        Link(),
        Link(opacity=0.0, pixel=(0, 0)),
    ],
)
def test_a_link_opens_what_it_was_made_from(link):
    assert read_link(dict(parse_qsl(write_query(link)))) == (link, [])


def test_names_of_classes_may_hold_commas():
    names = ("bed, king size", "wall", "a,b", "b")
    link = Link(classes=("wall", "bed, king size", "a,b", "b"))
    assert read_link(dict(parse_qsl(write_query(link))), names) == (link, [])
    found, problems = read_link({"class": "bed,wall,b"}, names)
    assert found.classes == ("wall", "b")
    assert "class 'bed'" in problems[0]


def test_links_of_earlier_versions_work():
    link, problems = read_link({"given": "depth", "view": "entropy", "class": "all classes"})
    assert link == Link(modality="depth", layer="entropy")
    assert not problems


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"modality": "thermal"}, "modality 'thermal' is not on offer; there are rgbd, rgb, depth."),
        ({"overlay": "<b>"}, "layer '<b>' is not on offer"),
        ({"class": "wall,yeti"}, "class 'yeti' is not one of the 37"),
        ({"opacity": "2"}, "opacity '2' is not a number from 0 to 1."),
        ({"opacity": "nan"}, "opacity 'nan'"),
        ({"pixel": "1"}, "pixel '1' is not a row and a column"),
        ({"pixel": "-1,5"}, "pixel '-1,5'"),
        ({"pixel": "inf,5"}, "pixel 'inf,5'"),
    ],
)
def test_what_cannot_be_used_is_said_and_the_rest_is_kept(query, said):
    link, problems = read_link({**query, "frame": "0001"})
    assert link.frame == "0001"
    assert len(problems) == 1
    assert said in problems[0]
