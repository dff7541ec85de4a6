"""The About tab and the footer."""

from demo import about


def test_about_answers_from_the_checkpoint(predictor):
    said = about.section(predictor)
    checkpoint = predictor.checkpoint
    assert checkpoint.sha256[:12] in said
    assert f"{checkpoint.metrics['nyuv2_test_654_sun37']['miou']:.1f}" in said
    assert f"{checkpoint.metrics['without_depth']['miou']:.1f}" in said
    assert "795-frame training split" in said
    for question in ("Limits", "commercially", "Cite", "MIT"):
        assert question in said
    assert "$" not in said, "every placeholder is filled"
    assert "research use" in about.footer()
