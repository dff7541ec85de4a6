"""A disk that is full: one line, exit status 2, nothing half-written; and with more space, the same command ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from soak.commands import command
from soak.malformed import good
from soak.visits import RefusedError, Server, Visitor, visiting
from training_helpers import SMALL_OPTIONS

from deresunet.model.checkpoint import load_checkpoint

# The share of what a command writes that there is space for. `make test` runs those of SHORT alone.
CASES = [
    *[("evaluate --report", share) for share in (0.0, 0.3, 0.8)],
    ("evaluate --json", 0.0),
    *[("export int8", share) for share in (0.0, 0.9)],
    *[("export fp32", share) for share in (0.1, 0.5)],
    *[("predict", share) for share in (0.0, 0.6)],
    ("predict folders", 0.5),
    *[("train", share) for share in (0.0, 0.2, 0.5, 0.9)],
]
SHORT = {("export fp32", 0.5), ("predict folders", 0.5)}


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of `size` bytes, rounded up to pages."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def written(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))


@pytest.fixture(scope="module")
def commands(rooms_of, weights) -> dict[str, list[object]]:
    """Commands that write to {out}."""
    network = ("--checkpoint", weights, "--device", "cpu", "--backend", "eager")
    evaluate = ("evaluate", "--root", rooms_of, "--split", "all", "--label-set", "sunrgbd37", "--workers", 1, *network)
    rgb, depth = rooms_of / "rgb", rooms_of / "depth"
    training = (
        "--run.folder",
        "{out}",
        "--run.best",
        0,
        "--trainer.max_epochs",
        2,
        "--data.workers",
        0,
        "--data.limit",
        8,
    )
    return {
        "evaluate --report": [*evaluate, "--report", "{out}/report"],
        "evaluate --json": [*evaluate, "--json", "{out}/result.json"],
        "export int8": ["export", "--checkpoint", weights, "--out", "{out}/int8.safetensors", "--precision", "int8"],
        "export fp32": ["export", "--checkpoint", weights, "--out", "{out}/fp32.safetensors", "--precision", "fp32"],
        "predict": [
            "predict",
            "--rgb",
            rgb / "0001.png",
            "--depth",
            depth / "0001.png",
            *network,
            "--out",
            "{out}/one",
        ],
        "predict folders": ["predict", "--rgb", rgb, "--depth", depth, *network, "--out", "{out}/all"],
        "train": ["train", "fit", *SMALL_OPTIONS, *training],
    }


def assert_whole(folder: Path) -> None:
    """Every file under its final name can be read, and nothing is left of work that failed."""
    left = list(folder.rglob("*.tmp"))
    assert not left, left
    for path in folder.rglob("*.*"):
        if path.suffix in (".png", ".jpg"):
            Image.open(path).load()
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".yaml":
            assert yaml.safe_load(path.read_text()) is not None, path
        elif path.suffix == ".safetensors":
            load_checkpoint(path)
        elif path.suffix == ".ckpt":
            torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    ("name", "share"),
    [pytest.param(*case, marks=[] if case in SHORT else [pytest.mark.soak]) for case in CASES],
)
def test_a_full_disk_is_one_line(name, share, forks, commands, tmp_path, tell):
    def run(out: Path) -> tuple[int, list[str]]:
        arguments = [str(one).replace("{out}", str(out)) for one in commands[name]]
        process = forks.start(command, arguments, tmp_path / "said")
        process.join()
        return process.exitcode, (tmp_path / "said.err").read_text().splitlines()

    with disk(tmp_path / "large", 1 << 31) as large:
        status, usual = run(large)
        assert status == 0, usual
        size = int(share * written(large))
    with disk(tmp_path / "small", max(size, 4096)) as small:
        status, said = run(small)
        lines = [line for line in said if line not in usual]
        assert status == 2, said[-20:]
        assert len(lines) == 1, said[-20:]
        assert lines[0].lower().startswith("error: ")
        assert "No space left" in lines[0]
        assert_whole(small)
        kept = sum(path.is_file() for path in small.rglob("*"))
        subprocess.run(["mount", "-o", "remount,size=2g", small], check=True)
        status, said = run(small)
        assert status == 0, said[-20:]
        assert_whole(small)
    tell(f"disk full, {name}, {size:,} bytes", f"one line, status 2, {kept} whole files kept, then given again: done")


@pytest.mark.soak
def test_a_full_disk_of_the_page_is_told(weights, tmp_path, tell):
    """At an upload, and where the page's own files have no space."""

    async def run(server: Server, cache: Path) -> list[str]:
        async with visiting(server) as client:
            visitor = Visitor(server, client)
            file = await visitor.upload("room.png", good("rgb", "png"))
            words = []
            with (cache / "filling").open("wb", buffering=0) as filling, contextlib.suppress(OSError):
                while True:
                    filling.write(bytes(4096))
            reply = await Visitor(server, client).ask("segment", file)
            words.append("" if reply["success"] else reply["output"]["error"])
            with pytest.raises(RefusedError) as refused:
                await visitor.upload("large.png", good("rgb", "bmp"))
            words.append(str(refused.value))
            (cache / "filling").unlink()
            assert (await visitor.ask("segment", file))["success"]
            return words

    with (
        disk(tmp_path / "cache", 1 << 20) as cache,
        Server(tmp_path, "--checkpoint", weights, "--backend", "eager", temporary=cache) as server,
    ):
        result, upload = asyncio.run(run(server, cache))
        assert_whole(cache)
    tell("disk full, page", f"result: {result!r}; upload: {upload!r}")
    assert "disk is full" in result
    assert "disk is full" in upload
    assert str(tmp_path) not in result + upload
