"""The About tab and the footer."""

from dataclasses import replace
from types import SimpleNamespace

from demo import about
from demo.data_set_metrics import Measured
from demo.inspect import messages


def test_about_answers_from_the_checkpoint(predictor):
    said = about.section(predictor)
    checkpoint = predictor.checkpoint
    assert checkpoint.sha256[:12] in said
    assert f"{checkpoint.metrics['nyuv2_test_654_sun37']['miou']:.1f}" in said
    assert f"{checkpoint.metrics['without_depth']['miou']:.1f}" in said
    assert "795-frame training split" in said
    for answer in (
        "--network NAME=FILE",
        "--predictions NAME=DIR",
        "0 void (unlabelled), 1 wall, 2 floor",
        "37 bag",
        "CC0-1.0",
    ):
        assert answer in said
    for question in ("Limits", "commercially", "Cite", "MIT"):
        assert question in said
    assert "$" not in said, "every placeholder is filled"
    assert "research use" in about.footer()
    assert 'href="https://opensource.org/license/mit"' in about.footer()


def test_a_space_links_to_its_sources(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "anyone/rooms")
    assert 'href="https://huggingface.co/spaces/anyone/rooms/tree/main"' in about.footer()


def test_figures_of_other_weights_are_never_shown_as_these_weights_own(predictor, bare):
    """int8 weights carry what was measured before they were rounded, and say so wherever the figures are."""
    note = "float32 weights before export to int8 (<b>run</b>.ckpt)"
    checkpoint = predictor.checkpoint
    metrics = {
        protocol: {**result, "measured_on": note} if isinstance(result, dict) else result
        for protocol, result in checkpoint.metrics.items()
    }
    rounded = SimpleNamespace(checkpoint=replace(checkpoint, metrics=metrics), class_set=predictor.class_set)
    without_depth = replace(bare, measured=Measured.of(metrics))
    for said in (about.section(rounded), messages.header(rounded), messages.captions(without_depth)["depth"]):
        assert "measured on float32 weights before export to int8 (&lt;b&gt;run" in said
        assert "<b>run" not in said
    for said in (about.section(predictor), messages.header(predictor)):
        assert "measured on" not in said
