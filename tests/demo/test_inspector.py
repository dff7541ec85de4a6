"""The page's callbacks, as plain functions."""

import csv
import io
import json
import re
import zipfile

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from demo.ablation.summary import MODALITIES, Verdict, class_changes, trial_summary
from demo.dataset.pictures import fourth, fourth_keys
from demo.inspect.calibration import reliability_svg
from demo.inspect.messages import confused
from demo.inspect.panels import Look, error_codes, error_picture, view_keys
from demo.inspection import inspect
from demo.inspector import GALLERY_SIZE, DatasetFrame, Inspector, Upload, told_on_the_page, told_to_programs
from demo.report.frame import Report
from deresunet import Frame, InputError
from deresunet.classes import COLOURS, DISPLAY_NAMES
from deresunet.data.folder import SAMPLES_DIR, FolderReader
from deresunet.evaluation.calibration import reliability


class CountingPredictor:
    """Counts how often the network runs."""

    def __init__(self, predictor):
        self.predictor, self.calls = predictor, 0

    def __getattr__(self, name):
        return getattr(self.predictor, name)

    def __call__(self, *args):
        self.calls += 1
        return self.predictor(*args)


@pytest.fixture
def inspector(predictor, rooms):
    return Inspector(CountingPredictor(predictor), {"sample rooms": rooms})


def sample(kind):
    return str(SAMPLES_DIR / kind / f"0002.{'jpg' if kind == 'rgb' else 'png'}")


def test_a_data_sets_frame_is_run_once_a_modality(inspector):
    origin = inspector.first()
    assert origin == DatasetFrame("sample rooms", "0000")
    first = inspector.open(origin)
    assert inspector.open(origin) is first
    assert inspector.predictor.calls == 1
    assert inspector.open(origin, "rgb").described["provenance"]["modality"] == "rgb"
    assert inspector.predictor.calls == 2


def test_uploads_are_read_decoded_and_never_kept(inspector):
    upload = Upload(sample("rgb"), sample("depth"), sample("label"))
    one, two = inspector.open(upload), inspector.open(upload)
    assert inspector.predictor.calls == 2
    assert one is not two
    assert one.depth_reading.encoding == "mm"
    assert one.scores.miou == two.scores.miou > 0
    assert len(inspector._inspections) == 0


def test_the_encoding_can_be_overruled(inspector):
    seen = inspector.open(Upload(sample("rgb"), sample("depth"), encoding="sunrgbd"))
    assert seen.depth_reading.encoding == "sunrgbd"
    assert not seen.depth_reading.detected


def test_nothing_given_is_told(inspector):
    with pytest.raises(InputError, match="give an RGB image, a depth file, or both"):
        inspector.open(Upload())


def test_the_depth_card_comes_before_the_network_runs(inspector, tmp_path):
    assert "640 x 480" in inspector.depth_card(sample("rgb"), sample("depth"))
    assert inspector.depth_card(sample("rgb"), None) == ""
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(tmp_path / "colour.png")
    with pytest.raises(InputError, match="colour picture"):
        inspector.depth_card(None, str(tmp_path / "colour.png"))
    assert inspector.predictor.calls == 0


def test_search_finds_by_part_of_the_name(inspector):
    thumbnails, line = inspector.search("sample rooms", "001")
    assert [name for _, name in thumbnails] == ["0001", *[f"001{k}" for k in range(10)]]
    assert all(max(picture.size) <= 192 for picture, _ in thumbnails)
    assert line == "11 of 24 frames"
    nothing, line = inspector.search("sample rooms", "<i>zebra")
    assert nothing == []
    assert "<i>" not in line
    with pytest.raises(InputError, match="sample rooms"):
        inspector.search("other", "")


def test_a_long_list_is_cut_and_says_so(predictor, tmp_path):
    (tmp_path / "rgb").mkdir()
    for k in range(GALLERY_SIZE + 3):
        Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "rgb" / f"{k:03}.png")
    inspector = Inspector(predictor, {"many": FolderReader(tmp_path, "all")})
    thumbnails, line = inspector.search("many", "")
    assert len(thumbnails) == GALLERY_SIZE
    assert line.startswith(f"{GALLERY_SIZE + 3} of {GALLERY_SIZE + 3} frames")
    assert "search by name" in line


def test_segment_gives_programs_what_predict_gives(inspector, predictor, rooms):
    label, told = inspector.segment(Upload(sample("rgb"), sample("depth"), sample("label")))
    expected = predictor(rooms.read("0002"))
    assert np.array_equal(label, expected.label)
    assert told["provenance"] == expected.provenance.as_dict()
    assert told["miou"] > 0


def test_input_errors_become_an_escaped_notice_and_leave_the_rest():
    @told_on_the_page(2)
    def answer(good):
        if not good:
            raise InputError("<script>.png is empty")
        return ["one", "two"]

    assert answer(True) == ["", "one", "two"], "success takes the notice away"
    notice, *rest = answer(False)
    assert "&lt;script&gt;.png is empty" in notice
    assert 'role="alert"' in notice
    assert rest == [gr.skip(), gr.skip()]


def test_programs_get_an_error():
    @told_to_programs
    def refuse():
        raise InputError("<script>.png is empty")

    with pytest.raises(gr.Error) as raised:
        refuse()
    assert raised.value.message == "&lt;script&gt;.png is empty"


@pytest.mark.parametrize("wrap", [told_on_the_page(1), told_to_programs])
def test_other_errors_are_not_swallowed(wrap):
    @wrap
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()


def test_found_false_alarm_and_missed_look_alike_and_are_called_alike_everywhere(inspector):
    """Inspect's right and wrong of a class, and the data set's pictures of it."""
    seen = inspector.open(inspector.first())
    chair = DISPLAY_NAMES.index("chair") + 1
    keys = view_keys(Look(1.0, chair, "errors"))
    assert {name.removeprefix("chair "): colour for name, colour in keys.items()} == fourth_keys(chair)
    painted = error_picture(seen, chair, 1.0)
    codes = error_codes(seen.truth, seen.label, chair)
    sheet = fourth(seen.background, seen.truth, seen.label, chair).astype(float)
    grey = 0.45 * seen.background.mean(2, keepdims=True)
    assert np.unique(codes).tolist() == [0, 1, 2, 3], "this room has all three"
    for code, (name, colour) in enumerate(fourth_keys(chair).items(), 1):
        there = codes == code
        assert (painted[there] == colour).all(), name
        assert np.abs(sheet - (0.2 * grey + 0.8 * np.array(colour)))[there].max() < 2, name
    assert not set(fourth_keys(chair).values()) & set(view_keys(Look(view="errors")).values()), (
        "one colour, one meaning"
    )


def test_confusions_of_a_class_go_both_ways_and_count_pixels(inspector, rooms):
    seen = inspector.open(DatasetFrame("sample rooms", "0003"))
    truth = rooms.read("0003").label
    label = inspector.predictor(rooms.read("0003")).label
    bed, chair = (DISPLAY_NAMES.index(name) + 1 for name in ("bed", "chair"))
    said = confused(seen, chair)
    missed, alarms = said.split("<b>taken for chair</b>")
    for other, name in enumerate(DISPLAY_NAMES, 1):
        one, two = ((truth == chair) & (label == other)).sum(), ((truth == other) & (label == chair)).sum()
        share = one / (truth == chair).sum()
        assert (f"<li>{name}: {one:,} px, {share:.1%} of its pixels</li>" in missed) == bool(one and other != chair)
        assert (
            f"<li>{name}: {two:,} px, {two / ((label == chair) & (truth > 0)).sum():.1%} of them</li>" in alarms
        ) == (bool(two and other != chair))
    assert f"it has {(truth == chair).sum():,} px" in missed
    assert confused(seen, bed) != said
    assert "is taken for" in confused(seen), "with no class, those of all"
    nothing = confused(seen, DISPLAY_NAMES.index("toilet") + 1)
    assert "has no toilet" in nothing
    assert "Nothing else is taken for toilet" in nothing
    bare = inspector.open(Upload(sample("rgb")))
    assert confused(bare, chair) == confused(bare) == "<p>Confusions need ground truth.</p>"


def test_a_trial_that_was_run_is_in_the_report(inspector, predictor):
    origin = DatasetFrame("sample rooms", "0003")
    seen = inspector.open(origin)
    tried = inspector.trial(origin)
    page = Report(seen, 0.6, tried).page
    assert "Depth on trial" not in Report(seen, 0.6).page, "none was run"
    part = page.split("<h2>Depth on trial</h2>")[1]
    settings, rest = part.split("</p>", 1)
    for piece in ("0003 (730 x 530)", predictor.checkpoint.sha256[:12], "deresunet_r50.safetensors", "cpu", "missing"):
        assert piece in settings
    rows = re.findall(r"<tr>(.*?)</tr>", rest.split("</table>")[0], re.DOTALL)
    cells = [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in rows]
    assert cells == [
        [given, withheld, f"{100 * one.scores.miou:.1f}", f"{100 * one.scores.pixel_acc:.1f}"]
        for given, withheld, one in (
            ("RGB + depth", "nothing", seen),
            ("RGB alone", "depth", inspector.open(origin, "rgb")),
            ("depth alone", "RGB", inspector.open(origin, "depth")),
        )
    ]
    assert trial_summary(tried) in rest
    assert f"{class_changes(tried).data['depth adds'].iloc[0]:+.1f}" in rest
    assert rest.count("data:image/png;base64,") == 3
    with zipfile.ZipFile(io.BytesIO(Report(seen, 0.6, tried).archive())) as archive:
        told = json.loads(archive.read("trial.json"))
        assert {"trial_rgbd.png", "trial_rgb.png", "trial_depth.png"} <= set(archive.namelist())
        assert archive.read("report.html").decode().count("<h2>Depth on trial</h2>") == 1
    assert told["rgb"]["miou"] == inspector.open(origin, "rgb").described["miou"]
    assert told["depth"]["provenance"]["modality"] == "depth"
    with zipfile.ZipFile(io.BytesIO(Report(seen, 0.6).archive())) as archive:
        assert not any("trial" in name for name in archive.namelist())


def test_a_trial_without_ground_truth_is_in_the_report_with_escaped_names(predictor, rooms):
    room = rooms.read("0001")
    frame = Frame(rgb=room.rgb, depth=room.depth, name="<b>mine")
    seen = {modality: inspect(predictor, frame, modality) for modality in MODALITIES}
    page = Report(seen["rgbd"], 0.6, {modality: Verdict.of(one) for modality, one in seen.items()}).page
    assert "<b>mine" not in page
    part = page.split("<h2>Depth on trial</h2>")[1]
    assert "&lt;b&gt;mine" in part
    assert "mean confidence %" in part
    assert "There is no ground truth" in part


def colours_of(part):
    """What the keys in a part of a report say: name -> colour in hex."""
    found = re.findall(r'<i class="swatch" style="background:(#[0-9a-f]{6})"></i>([^<]+)', part)
    return {name: colour for colour, name in found}


def test_a_report_explains_its_colours(inspector):
    seen = inspector.open(DatasetFrame("sample rooms", "0003"))
    page = Report(seen, 0.6).page
    captions = dict(re.findall(r"<figcaption><b>(.*?)</b>(.*?)</figcaption>", page, re.DOTALL))
    for title, view in (("Right and wrong", "errors"), ("Confidence", "confidence"), ("Uncertainty", "entropy")):
        expected = {name: "#" + bytes(colour).hex() for name, colour in view_keys(Look(view=view)).items()}
        assert colours_of(captions[title]) == expected, title
        assert len(expected) == 3
    assert re.search(r"[\d.]+ m.*gradient.*[\d.]+ m", captions["Depth"])
    legend = page.split('<div class="legend">')[1].split("</div>")[0]
    there = set(np.unique(seen.label)) | set(np.unique(seen.truth)) - {0}
    assert colours_of(legend) == {DISPLAY_NAMES[label - 1]: COLOURS[label - 1] for label in there}, "present, no other"
    for rule in re.findall(r'class="(\w+)"', legend + captions["Depth"]):
        assert f".{rule} {{" in page, "the report brings the looks of its keys along"


def test_a_report_says_how_sure_the_network_is(inspector, predictor, rooms):
    seen = inspector.open(DatasetFrame("sample rooms", "0003"))
    room = rooms.read("0003")
    prediction = predictor(room)
    part = Report(seen, 0.6).page.split("<h2>Confidence and uncertainty</h2>")[1].split("</table>")[0]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in part.split("<tr>")[1:]]
    right = (room.label > 0) & (room.label == prediction.label)
    wrong = (room.label > 0) & ~right
    for row, place in zip(rows, (right | ~right, right, wrong), strict=True):
        sure, unsure = (float(100 * array[place].mean()) for array in (prediction.confidence, prediction.entropy))
        assert [float(cell) for cell in row[1:]] == pytest.approx([sure, unsure], abs=0.1), row[0]
    bare = Report(inspector.open(Upload(sample("rgb"))), 0.6).page
    assert "mean uncertainty %" in bare
    assert "where it is wrong" not in bare, "nobody knows without ground truth"
    with zipfile.ZipFile(io.BytesIO(Report(seen, 0.6).archive())) as archive:
        assert {"confidence.png", "uncertainty.png"} <= set(archive.namelist())
        rows = list(csv.DictReader(io.StringIO(archive.read("classes.csv").decode())))
    bed = next(row for row in rows if row["class"] == "bed")
    sure = prediction.confidence[prediction.label == int(bed["label"])].mean()
    assert float(bed["mean_confidence"]) == pytest.approx(100 * sure, abs=1e-3)


def test_the_calibration_error_is_explained_where_it_is_shown(inspector):
    seen = inspector.open(DatasetFrame("sample rooms", "0003"))
    told = seen.reliability
    used = told.pixels > 0
    gaps = np.abs(told.confidence - told.accuracy)[used]
    error = 100 * np.average(gaps, weights=told.pixels[used])
    for shown in (reliability_svg(told), Report(seen, 0.6).page):
        note = shown.split("Expected calibration error ")[1].split("</p>")[0]
        assert note.startswith(f"{error:.1f} %")
        for piece in (f"{len(told.pixels)} equally wide bins", "gaps", "averaged", "weighted by the bin's pixels"):
            assert piece in note
        assert note.count(".") == 2, "one sentence, and the decimal point"
    nothing = reliability(np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8), np.ones((2, 2), np.float32))
    assert "error" not in reliability_svg(nothing), "no number, no explanation"
