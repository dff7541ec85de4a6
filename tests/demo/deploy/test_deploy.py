"""What a Space consists of: files, requirements, front matter. Nothing here leaves the machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from conftest import ROOT
from huggingface_hub import SpaceCardData, SpaceHardware
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from demo.deploy.__main__ import main
from demo.deploy.card import GRADIO, check_space_card, front_matter, model_card, space_card
from demo.deploy.hardware import DEFAULT, HARDWARE, ZEROGPU_PYTHON, ZEROGPU_TORCH
from demo.deploy.requirements import PLATFORM, TRAINING, space_requirements
from demo.deploy.stage import MAX_BYTES, Plan, is_staged, pin_for, plan_space, plan_weights, project_files
from deresunet import InputError

LOCAL = (ROOT / "requirements-linux.txt").read_text()
CPU = HARDWARE["cpu-basic"]
IN_SPACE = "deresunet/weights/deresunet_r50.safetensors"


def required(text):
    wanted = [Requirement(line.split(" #")[0]) for line in text.splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in wanted}


@pytest.fixture(scope="module")
def plan():
    return plan_space(CPU)


@pytest.fixture
def pin():
    return pin_for("ann/weights", "ab" * 20)


@pytest.fixture
def checkout(tmp_path):
    """A small checkout of git with what a Space needs, and what must not leave."""
    files = {
        "app.py": "print()",
        "LICENSE": "MIT",
        "requirements-linux.txt": LOCAL,
        ".gitignore": "secret.py\n/out/\n",
        "demo/ui.py": "",
        "demo/secret.py": "TOKEN = 1",
        "demo/notes.txt": "",
        "demo/deploy/card.py": "",
        "deresunet/model.py": "",
        "deresunet/weights/README.md": "",
        "deresunet/weights/mine.safetensors": "",
        "deresunet/samples/rgb/0001.jpg": "",
        "deresunet/samples/rgb/kitchen.jpg": "",
        "deresunet/samples/test.txt": "0001",
        "data/nyuv2/rgb/0001.jpg": "",
        "tests/test_model.py": "",
        ".env": "HF_TOKEN=1",
        "out/app.py": "",
    }
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    (tmp_path / IN_SPACE).write_bytes(b"\0" * (MAX_BYTES + 1))
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def test_only_what_the_inspector_needs_is_staged(checkout):
    assert sorted(plan_space(CPU, root=checkout).files) == [
        "LICENSE",
        "README.md",
        "app.py",
        "demo/ui.py",
        "deresunet/model.py",
        "deresunet/samples/rgb/0001.jpg",
        "deresunet/samples/test.txt",
        "deresunet/weights/README.md",
        IN_SPACE,
        "requirements.txt",
    ]


def test_a_large_file_or_a_link_never_leaves(checkout):
    (checkout / "demo" / "scene.json").write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(InputError, match=r"scene\.json has 10,000,001 bytes; only the weights"):
        plan_space(CPU, root=checkout)
    (checkout / "demo" / "scene.json").unlink()
    (checkout / "demo" / "keys.json").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match=r"keys\.json is a link"):
        plan_space(CPU, root=checkout)


def test_what_is_not_a_whole_checkout_is_refused(checkout, tmp_path_factory):
    (checkout / IN_SPACE).unlink()
    with pytest.raises(InputError, match=rf"lacks {IN_SPACE}"):
        plan_space(CPU, root=checkout)
    with pytest.raises(InputError, match="no checkout of git"):
        plan_space(CPU, root=tmp_path_factory.mktemp("plain"))


def test_the_space_has_all_of_the_demo_and_the_package_but_nothing_else(plan):
    ours = {path for path in project_files(ROOT) if re.fullmatch(r"(demo|deresunet)/.*\.py", path)}
    staged = {path for path in plan.files if path.endswith(".py")}
    assert staged == {path for path in ours if not path.startswith("demo/deploy/")} | {"app.py"}
    assert not any(re.search(r"^(train|tests|data)/|\.ckpt$|\.mat$|\.env", path) for path in plan.files)
    large = [path for path in plan.files if plan.size(path) > MAX_BYTES]
    assert large == [IN_SPACE]
    pictures = [path for path in plan.files if path.startswith("deresunet/samples/rgb/")]
    assert len(pictures) == 24


def test_the_staged_code_imports_nothing_that_is_not_installed_there(plan):
    installed = set(required(plan.files["requirements.txt"])) | PLATFORM
    distributions = packages_distributions()
    for path, file in plan.files.items():
        if not path.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"app"}:
                if name in ("demo", "deresunet"):
                    continue
                owners = {canonicalize_name(owner) for owner in distributions.get(name, [name])}
                assert owners & installed, f"{path} imports {name}"
                assert not owners & TRAINING, f"{path} imports {name}"


def test_a_plan_is_written_whole_and_never_over_something(tmp_path):
    plan = Plan({"app.py": "print()\n", "demo/LICENSE": ROOT / "LICENSE"})
    plan.write(tmp_path / "new" / "space")
    assert (tmp_path / "new" / "space" / "app.py").read_text() == "print()\n"
    assert (tmp_path / "new" / "space" / "demo" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    with pytest.raises(InputError, match="not empty"):
        plan.write(tmp_path / "new" / "space")
    with pytest.raises(InputError, match="cannot be written"):
        Plan({"a": "a", "b": tmp_path / "absent"}).write(tmp_path / "new" / "half")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["space"], "nothing half is left"


def test_the_listing_has_every_file_and_the_total(plan):
    *lines, total = plan.listing().splitlines()
    assert [line.split()[1] for line in lines] == sorted(plan.files)
    sizes = [int(line.split()[0].replace(",", "")) for line in lines]
    assert sum(sizes) == int(total.split()[0].replace(",", ""))
    assert total.endswith(f"bytes in {len(plan.files)} files")
    assert f"{(ROOT / IN_SPACE).stat().st_size:,}  {IN_SPACE}" in plan.listing()


@pytest.mark.parametrize("flavor", HARDWARE)
def test_requirements_are_the_local_ones_without_platform_and_training(flavor):
    local, made = required(LOCAL), required(space_requirements(LOCAL, HARDWARE[flavor]))
    assert set(made) == set(local) - PLATFORM - TRAINING
    assert {"gradio", "huggingface-hub"} <= set(local) & PLATFORM
    pinned = {name for name, _ in HARDWARE[flavor].pins}
    assert {name: made[name] for name in made if name not in pinned} == {
        name: local[name] for name in made if name not in pinned
    }


def test_all_that_the_requirements_keep_for_training_stays_behind():
    _, below = LOCAL.split("# Training only", 1)
    assert set(required("#" + below)) <= TRAINING


def test_zerogpu_gets_a_torch_and_a_python_that_it_takes():
    kind = HARDWARE["zero-a10g"]
    made = required(space_requirements(LOCAL, kind))
    (torch,), (torchvision,) = made["torch"], made["torchvision"]
    assert (torch.operator, torchvision.operator) == ("==", "==")
    assert torch.version in ("2.8.0", "2.9.1", "2.10.0", "2.11.0")
    assert torchvision.version == ZEROGPU_TORCH[torch.version]
    assert kind.python_version in ("3.10.13", "3.12.12")
    floor = required(LOCAL)
    for version, vision in ZEROGPU_TORCH.items():
        assert version in floor["torch"]
        assert vision in floor["torchvision"]
    needs = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())[1]
    assert tuple(map(int, ZEROGPU_PYTHON[0].split(".")[:2])) >= tuple(map(int, needs.split(".")))


def test_training_packages_comments_and_what_cannot_stand_alone():
    text = "# why\ntorch>=2.8 # floor\n\ntorchvision>=0.23\nPyTorch_Lightning>=2.5\nh5py>=3 ; python_version<'4'\n"
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
def test_the_front_matter_is_what_the_hub_takes(flavor, pinned, pin):
    readme = space_card(HARDWARE[flavor], pin if pinned else None)
    check_space_card(readme, {"app.py"})
    told = front_matter(readme)
    assert told["sdk"] == "gradio"
    assert told["sdk_version"] == GRADIO
    assert told["suggested_hardware"] == SpaceHardware(flavor)
    assert len(told["short_description"]) <= 60
    assert told["license"] == "mit"
    assert ("models" in told) == ("preload_from_hub" in told) == pinned
    assert SpaceCardData(**told).to_dict() == told


def test_the_front_matters_gradio_is_one_that_the_inspector_takes():
    assert GRADIO in required(LOCAL)["gradio"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("colorFrom: indigo", "colorFrom: mauve", "colorFrom is 'mauve'; expected one of red"),
        ("sdk: gradio", "sdk: flask", "sdk is 'flask'"),
        ("python_version: '3.11'", "python_version: 3.10", "python_version is 3.1; expected text"),
        ("app_file: app.py", "app_file: main.py", "app_file is 'main.py', which is not among"),
        ("suggested_hardware: cpu-basic", "suggested_hardware: abacus", "suggested_hardware is 'abacus'"),
        ("short_description: ", f"short_description: {'long ' * 12}", "at most 60 fit"),
        ("title: DeResUNet", "name: DeResUNet", "name is no field of a Space; title is missing"),
        ("emoji: 🛋️", "emoji: sofa", "emoji is 'sofa'"),
        (f"sdk_version: {GRADIO}", "sdk_version: newest", "sdk_version is 'newest'"),
        ("license: mit", "license: mit\npreload_from_hub:\n- ann/weights", "preload_from_hub has 'ann/weights'"),
    ],
)
def test_what_the_hub_would_refuse_is_found_before(old, new, message):
    readme = space_card(CPU, None)
    assert old in readme
    with pytest.raises(InputError, match=re.escape(message)):
        check_space_card(readme.replace(old, new, 1), {"app.py"})


def test_the_model_card_is_the_weights_own_with_front_matter(pin):
    plan = plan_weights()
    assert set(plan.files) == {"deresunet_r50.safetensors", "README.md", "LICENSE"}
    text = (ROOT / "deresunet" / "weights" / "README.md").read_text()
    assert plan.files["README.md"] == model_card(text)
    assert front_matter(model_card(text))["pipeline_tag"] == "image-segmentation"
    assert pin.sha256 in text, "the card tells the very hash that is pinned"


def test_pinned_weights_are_not_in_the_space(pin):
    files = plan_space(CPU, pin).files
    assert IN_SPACE not in files
    assert not any(path.endswith(".safetensors") for path in files)
    assert files["deresunet/weights/deresunet_r50.hub.json"] == pin.as_json()


def test_private_weights_are_not_preloaded(pin):
    assert "preload_from_hub" not in front_matter(space_card(CPU, pin, private_weights=True))


@pytest.mark.parametrize(
    ("path", "staged"),
    [
        ("demo/views.py", True),
        ("demo/inspector.jpg", False),
        ("demo/deploy/card.py", False),
        ("demo/predictions/0001.label.png", True),
        ("demo/predictions/kitchen.label.png", False),
        ("deresunet/samples/meta/0001.json", True),
        ("deresunet/samples/meta/kitchen.json", False),
        ("deresunet/samples/more/0001.png", False),
        ("deresunet/samples/real/CREDITS.md", True),
        ("deresunet/samples/real/LICENSE-Apache-2.0.txt", True),
        ("deresunet/samples/real/annotation/hallway_rtmf1.json", True),
        ("deresunet/samples/real/rgb/kitchen.jpg", False),
        ("deresunet/samples/rgb/hallway_rtmf1.jpg", False),
        ("deresunet/samples/rgb/real/0001.jpg", False),
        ("deresunet/weights/other.safetensors", False),
        ("train/losses.py", False),
        ("requirements-linux.txt", False),
        ("runs/last.ckpt", False),
    ],
)
def test_which_files_are_staged(path, staged):
    assert is_staged(path, None) is staged


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is no --repo-id"),
        (["--repo-id", "rooms"], "repository is 'rooms'; expected USER/NAME"),
        (["--repo-id", "ann/rooms", "--weights-revision", "ab" * 20], "--weights-revision is a commit of"),
        (["--stage", "new", "--weights-repo", "ann/weights"], "cannot know the commit"),
        (["--stage", "new", "--weights-repo", "ann/weights", "--weights-revision", "main"], "40 hex digits"),
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
    monkeypatch.setattr("demo.deploy.__main__.Hub", None)
    main(["--dry-run", "--weights-repo", "ann/weights"])
    out = capsys.readouterr().out
    assert "57,674,072  deresunet_r50.safetensors" in out
    assert "deresunet/weights/deresunet_r50.hub.json" in out
    assert IN_SPACE not in out
    assert len(re.findall(r"bytes in \d+ files", out)) == 2
    assert out.endswith("nothing was uploaded\n")
    assert not list(tmp_path.iterdir())


def test_stage_writes_what_would_be_uploaded(capsys, tmp_path):
    main(["--stage", str(tmp_path / "space"), "--hardware", "zero-a10g"])
    written = {path.relative_to(tmp_path / "space").as_posix() for path in (tmp_path / "space").rglob("*")}
    assert set(plan_space(HARDWARE["zero-a10g"]).files) <= written
    assert "torch==2.11.0" in (tmp_path / "space" / "requirements.txt").read_text()
    assert "nothing was uploaded" in capsys.readouterr().out


def test_the_default_costs_nothing():
    assert DEFAULT == "cpu-basic"
