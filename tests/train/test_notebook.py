"""The notebook runs from top to bottom, and what is committed in it came from such a run."""

import copy

import pytest
from training_helpers import ROOT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
PATH = ROOT / "train.ipynb"


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def pictures(notebook):
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]


@pytest.fixture(scope="module")
def committed():
    return nbformat.read(PATH, as_version=4)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_runs_top_to_bottom(committed):
    notebook = copy.deepcopy(committed)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    # Fewer rooms and epochs than in the committed run; every cell is run as it is.
    (parameters,) = [cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", [])]
    assert {line.split(" = ")[0] for line in parameters.source.splitlines()} == {"epochs", "rooms"}
    parameters.source = "epochs, rooms = 6, 13"
    resources = {"metadata": {"path": str(ROOT)}}
    nbclient.NotebookClient(notebook, timeout=500, kernel_name="python3", resources=resources).execute()
    assert len(pictures(notebook)) == len(pictures(committed))
    said = "".join(printed(cell) for cell in code_cells(notebook))
    start, end = said.split("loss ")[1].split("\n")[0].split(" -> ")
    assert float(end) < 0.95 * float(start)
    assert "MB of weights" in said


def test_committed_outputs_are_of_one_whole_run(committed):
    nbformat.validate(committed)
    cells = code_cells(committed)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert len(pictures(committed)) >= 7
    said = "".join(printed(cell) for cell in cells)
    for wanted in ("19 frames of rooms", "mIoU", "loss ", "MB of weights", "57.0 M parameters", "203.8 M parameters"):
        assert wanted in said
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


def test_committed_outputs_name_no_machine_and_stay_small(committed):
    text = PATH.read_text()
    for path in ("/home/", "/root/", "/tmp/", "/Users/", "site-packages"):
        assert path not in text
    assert PATH.stat().st_size < 2_000_000
    assert not [output for cell in code_cells(committed) for output in cell.outputs if output.get("name") == "stderr"]
