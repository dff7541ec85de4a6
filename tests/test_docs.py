"""README, docs/ and CONTRIBUTING name files, commands and options that exist, in the field's words."""

from __future__ import annotations

import ast
import re
import shlex

import pytest
import typer.main
from conftest import ROOT

import app
from demo.deploy import __main__ as uploading
from deresunet import cli

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "deresunet" / "weights" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in PAGES}

# What page and messages said before they took the field's words.
PRIVATE_WORDS = re.compile(
    r"on trial|(?-i:The network is given)|the prediction shows|confused with|false alarms?|not scored|bring your own"
    r"|make a report|right and wrong|question(ed|s)? a pixel|(?<!ground )truth %|pred\. %|what makes a frame hard"
    r"|frames to look at|go on after frame|that did not work|\bjournal|truth told",
    re.IGNORECASE,
)


def commands():
    """Shell commands of all pages as (page, words), from fenced blocks and from code between backticks."""
    for page, text in TEXTS.items():
        fenced = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        lines = [line for block in fenced for line in block.replace("\\\n", " ").splitlines()]
        prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
        for line in lines:
            for part in re.split(r"&&|;|\|", line):
                try:
                    words = shlex.split(part, comments=True)
                except ValueError:  # an apostrophe: not a command
                    continue
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words = words[1:]
                if words:
                    yield page, words


def of_program(*start):
    """Arguments of every command that starts with these words, by page."""
    return [(page, words[len(start) :]) for page, words in commands() if tuple(words[: len(start)]) == start]


def options(words):
    return {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_to_files_and_headings(page):
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if re.match(r"https?://", target):
            continue
        path, _, heading = target.partition("#")
        found = folder / path if path else ROOT / page
        assert found.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert heading in [re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings], target


@pytest.mark.parametrize("page", TEXTS)
def test_paths_are_those_of_the_repository(page):
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    for code in re.findall(r"`([\w./*-]+)`", TEXTS[page]):
        if code.split("/")[0] in folders and "/" in code:
            assert list(ROOT.glob(code.rstrip("/"))), code


def test_commands_of_deresunet_exist_with_their_options():
    group = typer.main.get_command(cli.app)
    mentioned = of_program("python", "-m", "deresunet") + of_program("deresunet")
    assert len(mentioned) > 10
    for page, words in mentioned:
        command, rest = group, list(words)
        while rest and getattr(command, "get_command", None):
            found = command.get_command(None, rest[0])
            assert found is not None, (page, words)
            command, rest = found, rest[1:]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert options(rest) <= known | {"--help"}, (page, words)


def test_options_of_the_inspector_exist():
    mentioned = of_program("python", "app.py") + of_program("py", "app.py")
    assert mentioned
    for page, words in mentioned:
        assert options(words) <= set(app._parser()._option_string_actions), (page, words)


def test_options_of_the_upload_exist():
    known = set(uploading._parser()._option_string_actions)
    for page, words in of_program("python", "-m", "demo.deploy"):
        assert options(words) <= known, (page, words)


def test_training_names_commands_and_configurations_that_are_there():
    mentioned = of_program("python", "-m", "train")
    assert len(mentioned) > 3
    for page, words in mentioned:
        assert words[0] in {"fit", "validate", "test", "distill", "bench"}, (page, words)
        for config in re.findall(r"train/configs/\S+", " ".join(words)):
            assert (ROOT / config).is_file(), (page, config)


def test_make_has_the_targets():
    assert len(of_program("make")) > 4
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, words in of_program("make"):
        named = {word for word in words if "=" not in word and not word.startswith("-")}
        assert named, (page, words)
        assert named <= targets, (page, words)


def test_the_readme_is_read_in_minutes():
    assert len(TEXTS["README.md"].splitlines()) <= 150


def test_words_are_those_of_the_field():
    written = list(TEXTS.items())
    for package in ("deresunet", "demo", "train"):
        for path in sorted((ROOT / package).rglob("*")):
            page = str(path.relative_to(ROOT))
            if path.suffix in {".css", ".js", ".html"}:
                written.append((page, path.read_text()))
            elif path.suffix == ".py":
                constants = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
                written += [(page, node.value) for node in constants if isinstance(node.value, str)]
    found = [(page, match[0]) for page, text in written for match in PRIVATE_WORDS.finditer(" ".join(text.split()))]
    assert not found
