"""Content of a Space: files, requirements, front matter. Nothing here leaves the machine."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires

import pytest
import yaml
from conftest import ROOT
from huggingface_hub import SpaceCardData, SpaceHardware
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from demo.deploy.__main__ import main
from demo.deploy.card import GRADIO, model_card, space_card
from demo.deploy.hardware import DEFAULT, HARDWARE, ZEROGPU_PYTHON, ZEROGPU_TORCH
from demo.deploy.stage import (
    NEEDED_OF_DEPLOY,
    PLATFORM,
    bundled_weights,
    listing,
    pins_for,
    space_requirements,
    stage_space,
    stage_weights,
)
from deresunet import InputError

LOCAL = (ROOT / "requirements-linux.txt").read_text()
NEEDED, TRAINING = LOCAL.split("# Training only", 1)
CPU = HARDWARE["cpu-basic"]
IN_SPACE = "deresunet/weights/deresunet_r50.safetensors"
BUNDLED = {path.relative_to(ROOT).as_posix() for path in bundled_weights()}


def required(text):
    wanted = [Requirement(line.split(" #")[0]) for line in text.splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in wanted}


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def front_matter(readme):
    return yaml.safe_load(re.match(r"---\n(.*?)\n---\n", readme, re.DOTALL)[1])


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """A staged Space of the project itself."""
    folder = tmp_path_factory.mktemp("staged")
    stage_space(folder, CPU)
    return folder


@pytest.fixture
def pins():
    return pins_for("ann/weights", "ab" * 20)


@pytest.fixture
def checkout(tmp_path):
    """A small checkout of git with the files of a Space, and others that must not leave."""
    tracked = {
        "app.py": "print()",
        "LICENSE": "MIT",
        "requirements-linux.txt": LOCAL,
        "demo/page.py": "",
        "demo/deploy/__init__.py": "",
        "demo/deploy/card.py": "",
        "demo/deploy/zerogpu.py": "",
        "deresunet/model.py": "",
        "deresunet/weights/README.md": "",
        "deresunet/weights/other.safetensors": "",
        **dict.fromkeys(BUNDLED, "weights"),
        "deresunet/samples/rgb/0001.jpg": "",
        "tests/test_model.py": "",
    }
    untracked = {
        "demo/secret.py": "TOKEN = 1",
        "demo/notes.txt": "",
        "deresunet/.env": "HF_TOKEN=1",
        "deresunet/samples/rgb/kitchen.jpg": "",
        "data/nyuv2/rgb/0001.jpg": "",
    }
    root = tmp_path / "checkout"
    for path, content in {**tracked, **untracked}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    subprocess.run(["git", "init", "--quiet", root], check=True)
    subprocess.run(["git", "-C", root, "add", *tracked], check=True)
    return root


def test_only_tracked_files_of_the_inspector_are_staged(checkout, tmp_path):
    (tmp_path / "space").mkdir()
    stage_space(tmp_path / "space", CPU, root=checkout)
    assert files_in(tmp_path / "space") == {
        "LICENSE",
        "README.md",
        "app.py",
        "demo/deploy/__init__.py",
        "demo/deploy/zerogpu.py",
        "demo/page.py",
        "deresunet/model.py",
        "deresunet/samples/rgb/0001.jpg",
        "deresunet/weights/README.md",
        *BUNDLED,
        "requirements.txt",
    }


def test_a_link_never_leaves(checkout, tmp_path):
    (checkout / "demo" / "keys.json").symlink_to("/etc/hostname")
    subprocess.run(["git", "-C", checkout, "add", "demo/keys.json"], check=True)
    with pytest.raises(InputError, match=r"keys\.json is a link"):
        stage_space(tmp_path, CPU, root=checkout)
    assert not (tmp_path / "demo").exists()


def test_a_folder_that_is_no_whole_checkout_is_refused(checkout, tmp_path):
    (checkout / IN_SPACE).unlink()
    with pytest.raises(InputError, match=rf"lacks {IN_SPACE}"):
        stage_space(tmp_path, CPU, root=checkout)
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputError, match="no checkout of git"):
        stage_space(tmp_path, CPU, root=tmp_path / "plain")


def test_the_staged_code_is_whole_and_imports_nothing_that_is_not_installed_there(space):
    files = files_in(space)
    code = {path for path in files if path.endswith(".py")}
    assert {path for path in code if path.startswith("demo/deploy/")} == set(NEEDED_OF_DEPLOY)
    assert not any(re.search(r"^(train|tests|data)/|\.ckpt$|\.mat$|\.env", path) for path in files)
    assert IN_SPACE in BUNDLED
    assert {path for path in files if path.endswith(".safetensors")} == BUNDLED
    installed = set(required((space / "requirements.txt").read_text())) | PLATFORM
    # The page's server is Gradio's, which brings what it is made of.
    installed |= {canonicalize_name(Requirement(one).name) for one in requires("gradio") if "extra ==" not in one}
    distributions = packages_distributions()
    for path in code:
        for node in ast.walk(ast.parse((space / path).read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for module in modules:
                name = module.split(".")[0]
                if name in ("demo", "deresunet"):
                    at = module.replace(".", "/")
                    assert {f"{at}.py", f"{at}/__init__.py"} & files, f"{path} imports {module}"
                elif name not in {*sys.stdlib_module_names, "app"}:
                    owners = {canonicalize_name(owner) for owner in distributions.get(name, [name])}
                    assert owners & installed, f"{path} imports {name}"


def test_a_folder_is_written_whole_and_never_over_another(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("kept")
    with pytest.raises(SystemExit, match="not empty"):
        main(["--stage", str(tmp_path / "there")])
    assert files_in(tmp_path / "there") == {"mine.txt"}
    monkeypatch.setattr("demo.deploy.stage.shutil.copyfile", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
    with pytest.raises(SystemExit, match="cannot be written"):
        main(["--stage", str(tmp_path / "half")])
    assert [path.name for path in tmp_path.iterdir()] == ["there"], "nothing half is left"


def test_the_listing_has_every_file_and_the_total(space):
    *lines, total = listing(space).splitlines()
    assert [line.split()[1] for line in lines] == sorted(files_in(space))
    sizes = [int(line.split()[0].replace(",", "")) for line in lines]
    assert sum(sizes) == int(total.split()[0].replace(",", ""))
    assert total.endswith(f"bytes in {len(lines)} files")
    assert f"{(ROOT / IN_SPACE).stat().st_size:,}  {IN_SPACE}" in listing(space)


@pytest.mark.parametrize("flavor", HARDWARE)
def test_requirements_are_the_local_ones_without_platform_and_training(flavor):
    local, made = required(NEEDED), required(space_requirements(LOCAL, HARDWARE[flavor]))
    assert set(made) == set(local) - PLATFORM
    assert not set(made) & set(required("#" + TRAINING))
    assert "pytorch-lightning" in required("#" + TRAINING)
    assert {"gradio", "huggingface-hub"} <= set(local) & PLATFORM
    pinned = {name for name, _ in HARDWARE[flavor].pins}
    assert {name: made[name] for name in made if name not in pinned} == {
        name: local[name] for name in made if name not in pinned
    }


def test_zerogpu_gets_a_torch_and_a_python_that_it_takes():
    kind = HARDWARE["zero-a10g"]
    made = required(space_requirements(LOCAL, kind))
    (torch,), (torchvision,) = made["torch"], made["torchvision"]
    assert (torch.operator, torchvision.operator) == ("==", "==")
    assert torch.version in ("2.8.0", "2.9.1", "2.10.0", "2.11.0", "2.12.1", "2.13.0")
    assert torchvision.version == ZEROGPU_TORCH[torch.version]
    assert kind.python_version in ("3.10.13", "3.12.12")
    floor = required(LOCAL)
    for version, vision in ZEROGPU_TORCH.items():
        assert version in floor["torch"]
        assert vision in floor["torchvision"]
    needs = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())[1]
    assert tuple(map(int, ZEROGPU_PYTHON.split(".")[:2])) >= tuple(map(int, needs.split(".")))


def test_training_packages_comments_and_what_cannot_stand_alone():
    text = "# why\ntorch>=2.8 # floor\n\ntorchvision>=0.23\nh5py>=3 ; python_version<'4'\n# Training only\ntimm\n"
    assert space_requirements(text, CPU).splitlines()[1:] == [
        "torch>=2.8",
        "torchvision>=0.23",
        'h5py>=3; python_version < "4"',
    ]
    with pytest.raises(InputError, match=r"line 2: '-r other.txt' cannot go into"):
        space_requirements("torch\n-r other.txt\n", CPU)
    with pytest.raises(InputError, match=r"lacks torchvision, which zero-a10g needs pinned"):
        space_requirements("torch\n", HARDWARE["zero-a10g"])


@pytest.mark.parametrize("flavor", HARDWARE)
@pytest.mark.parametrize("pinned", [False, True])
def test_the_front_matter_has_the_fields_of_the_hub(flavor, pinned, pins):
    told = front_matter(space_card(HARDWARE[flavor], pins if pinned else ()))
    assert (told["sdk"], told["sdk_version"], told["app_file"]) == ("gradio", GRADIO, "app.py")
    assert told["suggested_hardware"] == SpaceHardware(flavor)
    assert re.fullmatch(r"3\.\d+(\.\d+)?", told["python_version"]), "text: unquoted, YAML reads 3.10 as 3.1"
    assert len(told["short_description"]) <= 60
    assert told["license"] == "mit"
    assert ("models" in told) == ("preload_from_hub" in told) == pinned
    assert SpaceCardData(**told).to_dict() == told


def test_the_front_matters_gradio_is_one_that_the_inspector_takes():
    assert GRADIO in required(LOCAL)["gradio"]


def test_the_model_card_is_the_weights_own_with_front_matter(pins, tmp_path):
    stage_weights(tmp_path)
    assert files_in(tmp_path) == {*(pin.filename for pin in pins), "README.md", "LICENSE"}
    assert pins[0].filename == "deresunet_r50.safetensors"
    text = (ROOT / "deresunet" / "weights" / "README.md").read_text()
    assert (tmp_path / "README.md").read_text() == model_card(text)
    assert front_matter(model_card(text))["pipeline_tag"] == "image-segmentation"
    assert pins[0].sha256 in text, "the card tells the very hash that is pinned"


def test_pinned_weights_are_not_in_the_space(pins, tmp_path):
    stage_space(tmp_path, CPU, pins)
    assert not any(path.endswith(".safetensors") for path in files_in(tmp_path))
    stored = json.loads((tmp_path / "deresunet" / "weights" / "deresunet_r50.hub.json").read_text())
    assert stored == vars(pins[0])


def test_private_weights_are_not_preloaded(pins):
    assert "preload_from_hub" not in front_matter(space_card(CPU, pins, private_weights=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "There is no --repo-id"),
        (["--repo-id", "rooms"], "repository is 'rooms'; expected USER/NAME"),
        (["--dry-run", "--weights-repo", "weights"], "repository is 'weights'; expected USER/NAME"),
        (["--stage", "new", "--weights-repo", "ann/weights"], "the weights go into the Space"),
    ],
)
def test_what_does_not_fit_together_is_told_in_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert str(ended.value.code).startswith("error: ")
    assert message in str(ended.value.code)
    assert not list(tmp_path.iterdir())


def test_a_dry_run_lists_and_writes_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("demo.deploy.upload.api", None)
    main(["--dry-run", "--weights-repo", "ann/weights"])
    out = capsys.readouterr().out
    assert "57,674,072  deresunet_r50.safetensors" in out
    assert "deresunet/weights/deresunet_r50.hub.json" in out
    assert IN_SPACE not in out
    assert len(re.findall(r"bytes in \d+ files", out)) == 2
    assert out.endswith("nothing was uploaded\n")
    assert not list(tmp_path.iterdir())


def test_stage_writes_the_files_of_the_upload(space, capsys, tmp_path):
    main(["--stage", str(tmp_path / "space"), "--hardware", "zero-a10g"])
    assert files_in(tmp_path / "space") == files_in(space)
    assert "torch==2.13.0" in (tmp_path / "space" / "requirements.txt").read_text()
    assert "nothing was uploaded" in capsys.readouterr().out


def test_the_default_costs_nothing_and_needs_no_subscription():
    assert DEFAULT == "zero-a10g"
    assert HARDWARE[DEFAULT].dollars_per_hour == 0
    assert "free for two Spaces of any account" in HARDWARE[DEFAULT].cost(3600)
    assert "needs a PRO account" in CPU.cost(3600)
