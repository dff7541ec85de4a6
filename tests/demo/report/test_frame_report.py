"""Reports of a frame."""

import csv
import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from demo import inspection as inspection_of
from demo.ablation.summary import MODALITIES, ModalityResult, ablation_summary, class_table
from demo.inspection import full_size, inspect
from demo.inspector import DatasetFrame, Inspector, Upload
from demo.report.frame import Report, frame_pictures
from demo.viewer.layers import Look, layer_keys
from deresunet import Frame, __version__
from deresunet.classes import SUNRGBD37
from deresunet.data.folder import SAMPLES_DIR


@pytest.fixture
def inspector(small, rooms):
    return Inspector(small, {"sample rooms": rooms})


def named(frame, kind):
    """The name in a ZIP of what is about classes."""
    return "{}_{}_sunrgbd37.{}".format(frame, *kind.split("."))


def test_a_report_stands_alone(seen):
    page = Report(seen, 0.6).page
    assert f"DeResUNet {__version__} · code" in page.split("<footer>")[1]
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    assert page.count("data:image/png;base64,") == 7
    assert f"{100 * seen.scores.miou:.1f} %" in page
    assert "<script" not in page


def test_a_reports_names_are_escaped(bare):
    page = Report(bare, 0.6).page
    assert "<i>bare" not in page
    assert "&lt;i&gt;bare" in page


def test_a_zip_holds_all_and_its_numbers_agree(seen, room):
    with zipfile.ZipFile(io.BytesIO(Report(seen, 0.6).archive())) as archive:
        names = set(archive.namelist())
        kinds = ("report.html", "label.png", "prediction.json", "classes.csv", "points.ply", "prediction.png")
        assert {named("0001", kind) for kind in kinds} | {"0001_rgb.png", "0001_depth.png"} <= names
        told = json.loads(archive.read(named("0001", "prediction.json")))
        rows = [line.split(",") for line in archive.read(named("0001", "classes.csv")).decode().split()]
    assert told["miou"] == round(100 * seen.scores.miou, 4)
    header = rows[0]
    wall = dict(zip(header, next(row for row in rows if row[1] == "wall"), strict=True))
    assert float(wall["iou"]) == pytest.approx(100 * seen.scores.iou[0], abs=1e-4)
    assert int(wall["truth_pixels"]) == (room.label == 1).sum()


def test_an_ablation_that_was_run_is_in_the_report(inspector, small):
    origin = DatasetFrame("sample rooms", "0003")
    seen = inspector.open(origin)
    ablation = inspector.kept_ablation(origin).get()
    page = Report(seen, 0.6, ablation).page
    assert "Modality ablation" not in Report(seen, 0.6).page, "none was run"
    part = page.split("<h2>Modality ablation</h2>")[1]
    settings, rest = part.split("</p>", 1)
    for piece in ("0003 (730 x 530)", small.checkpoint.sha256[:12], small.checkpoint.name, "cpu", "missing"):
        assert piece in settings
    rows = re.findall(r"<tr>(.*?)</tr>", rest.split("</table>")[0].split("<tbody>")[1])
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]
    assert cells == [
        [given, withheld, f"{100 * one.scores.miou:.1f}", f"{100 * one.scores.pixel_acc:.1f}"]
        for given, withheld, one in (
            ("RGB-D", "nothing", seen),
            ("RGB", "depth", inspector.open(origin, "rgb")),
            ("depth", "RGB", inspector.open(origin, "depth")),
        )
    ]
    assert ablation_summary(ablation) in rest
    assert f"{class_table(ablation)['depth adds'].iloc[0]:+.1f}" in rest
    assert rest.count("data:image/png;base64,") == 3
    with zipfile.ZipFile(io.BytesIO(Report(seen, 0.6, ablation).archive())) as archive:
        told = json.loads(archive.read(named("0003", "ablation.json")))
        assert {named("0003", f"ablation_{one}.png") for one in MODALITIES} <= set(archive.namelist())
        assert archive.read(named("0003", "report.html")).decode().count("<h2>Modality ablation</h2>") == 1
    assert told["rgb"]["miou"] == inspector.open(origin, "rgb").described["miou"]
    assert told["depth"]["provenance"]["modality"] == "depth"
    with zipfile.ZipFile(io.BytesIO(Report(seen, 0.6).archive())) as archive:
        assert not any("ablation" in name for name in archive.namelist())


def test_an_ablation_without_ground_truth_is_in_the_report_with_escaped_names(small, rooms):
    room = rooms.read("0001")
    frame = Frame(rgb=room.rgb, depth=room.depth, name="<b>mine")
    seen = {modality: inspect(small, frame, modality) for modality in MODALITIES}
    page = Report(seen["rgbd"], 0.6, {modality: ModalityResult.of(one) for modality, one in seen.items()}).page
    assert "<b>mine" not in page
    part = page.split("<h2>Modality ablation</h2>")[1]
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
    for title, overlay in (("Errors", "errors"), ("Confidence", "confidence"), ("Entropy", "entropy")):
        expected = {name: "#" + bytes(colour).hex() for name, colour in layer_keys(overlay, Look(), SUNRGBD37).items()}
        assert colours_of(captions[title]) == expected, title
        assert len(expected) == 3
    assert re.search(r"[\d.]+ m.*gradient.*[\d.]+ m", captions["Depth"])
    legend = page.split('<div class="legend">')[1].split("</div>")[0]
    there = set(np.unique(seen.label)) | set(np.unique(seen.truth)) - {0}
    assert colours_of(legend) == {
        SUNRGBD37.display_names[label - 1]: SUNRGBD37.colours[label - 1] for label in there
    }, "present, no other"
    for rule in re.findall(r'class="(\w+)"', legend + captions["Depth"]):
        assert f".{rule} {{" in page, "the report brings the looks of its keys along"


def test_a_report_says_how_sure_the_network_is(predictor, rooms):
    inspector = Inspector(predictor, {"sample rooms": rooms})
    seen = inspector.open(DatasetFrame("sample rooms", "0003"))
    room = rooms.read("0003")
    prediction = predictor(room)
    part = Report(seen, 0.6).page.split("<h2>Confidence and entropy</h2>")[1].split("</table>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in part.split("<tr>")[2:]]
    right = (room.label > 0) & (room.label == prediction.label)
    wrong = (room.label > 0) & ~right
    for row, place in zip(rows, (right | ~right, right, wrong), strict=True):
        sure, unsure = (float(100 * array[place].mean()) for array in (prediction.confidence, prediction.entropy))
        assert [float(cell) for cell in row[1:]] == pytest.approx([sure, unsure], abs=0.1), row[0]
    bare = Report(inspector.open(Upload(str(SAMPLES_DIR / "rgb" / "0002.jpg"))), 0.6).page
    assert "mean entropy %" in bare
    assert "where wrong" not in bare, "nobody knows without ground truth"
    with zipfile.ZipFile(io.BytesIO(Report(seen, 0.6).archive())) as archive:
        assert {named("0003", f"{one}.png") for one in ("confidence", "entropy")} <= set(archive.namelist())
        rows = list(csv.DictReader(io.StringIO(archive.read(named("0003", "classes.csv")).decode())))
    bed = next(row for row in rows if row["class"] == "bed")
    sure = prediction.confidence[prediction.label == int(bed["label"])].mean()
    assert float(bed["mean_confidence"]) == pytest.approx(100 * sure, abs=1e-3)


def test_the_calibration_error_is_explained(seen):
    note = Report(seen, 0.6).page.split("Expected calibration error ")[1].split("</p>")[0]
    assert note.startswith(f"{100 * seen.reliability.expected_error:.1f} %")


def test_a_large_uploads_zip_is_in_full_size_under_the_uploads_own_name(small, room, monkeypatch):
    """The page's pictures are smaller; those of the ZIP are whole, and agree with the prediction."""
    monkeypatch.setattr(inspection_of, "DISPLAY_SIDE", 300)
    frame = Frame(rgb=room.rgb, depth=room.depth, label=room.label, name="Küche <b>1/2")
    reduced = inspect(small, frame)
    assert reduced.step == 3
    whole = frame_pictures(full_size(reduced, frame), 0.6)
    with zipfile.ZipFile(io.BytesIO(Report(reduced, 0.6, frame=frame).archive())) as archive:
        for title in ("RGB", "Depth", "Ground truth", "Prediction", "Errors", "Confidence", "Entropy"):
            layer = title.lower().replace(" ", "_")
            name = f"Küche-b-1-2_{layer}{'' if layer in ('rgb', 'depth') else '_sunrgbd37'}.png"
            picture = np.asarray(Image.open(io.BytesIO(archive.read(name))))
            assert picture.shape[:2] == frame.size, title
            assert np.array_equal(picture, whole[title])
    monkeypatch.undo()
    exact = frame_pictures(inspect(small, frame), 0.6)
    for title in ("RGB", "Depth", "Ground truth", "Prediction"):
        assert np.array_equal(whole[title], exact[title]), title
