"""Models of Sweet Home 3D's furniture libraries (`.sh3f`: a zip with a catalogue, OBJ models and licence files)."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from deresunet.atomic import write_whole
from deresunet.errors import InputError
from train.rooms import wavefront
from train.rooms.materials import linear
from train.rooms.scene import Credit, Material, Mesh, Texture
from train.rooms.wavefront import Look

_VERSION = 1  # of what lies in the cache
_PICTURE = 256
_METAL = re.compile(r"metal|chrom|krome|alu|steel|inox|brushed|stainless|silver", re.I)


@dataclass(frozen=True)
class Entry:
    """A model in a library's catalogue.

    Attributes:
        library: the file.
        key: its model's file name without ending.
        path: of the OBJ file within the library.
        size: width, depth, height [m].
        rotation: (9,) row by row, applied to the OBJ's own frame, or ().
        credit: its name, author and licence; by the model's own licence file where it has one.
    """

    library: Path
    key: str
    path: str
    size: tuple[float, float, float]
    rotation: tuple[float, ...]
    credit: Credit


@dataclass(frozen=True, eq=False)
class Piece:
    """What one material of a model covers; `source` is the material's name in the file."""

    source: str
    mesh: Mesh
    material: Material


def licence_of(text: str) -> str:
    """SPDX identifier of the licence that a licence file or a catalogue states, or "" where it is none known."""
    if re.search(r"licenses/by-|Attribution-|Non-?Commercial|Share-?Alike", text, re.I):
        return ""
    if re.search(r"licenses/by/3\.0|Creative Commons Attribution 3\.0", text, re.I):
        return "CC-BY-3.0"
    if re.search(r"publicdomain/|Creative Commons Zero|^\s*Public domain", text, re.I):
        return "CC0-1.0"
    return ""


@lru_cache(maxsize=8)
def catalogue(library: Path) -> dict[str, Entry]:
    """The entries of a library by key.

    Raises:
        InputError: the file cannot be read, or is no furniture library.
    """
    try:
        with zipfile.ZipFile(library) as archive:
            names = archive.namelist()
            text = archive.read("PluginFurnitureCatalog.properties").decode("latin-1")
            stated: dict[str, str] = {}
            for name in names:
                if re.search(r"licen[sc]e", PurePosixPath(name).name, re.I) and name.count("/") > 1:
                    stated[str(PurePosixPath(name).parent)] = archive.read(name).decode("utf-8", "replace")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{library} cannot be read as a furniture library ({error}). Install Debian's sweethome3d-furniture."
        ) from error
    values = dict(re.findall(r"^(\w+(?:#\d+)?)=(.*)$", text, re.M))
    general = licence_of(values.get("license", ""))
    entries: dict[str, Entry] = {}
    for label, number in re.findall(r"^(model)#(\d+)=", text, re.M):
        path = values[f"{label}#{number}"].strip().lstrip("/")

        def value(name: str, number: str = number) -> str:
            return values.get(f"{name}#{number}", "").strip()

        folder = str(PurePosixPath(path).parent)
        licence = licence_of(stated[folder]) if folder in stated else general
        if path not in names or not licence:
            continue
        key = PurePosixPath(path).stem
        entries[key] = Entry(
            library,
            key,
            path,
            (float(value("width")) / 100, float(value("depth")) / 100, float(value("height")) / 100),
            tuple(float(number) for number in value("modelRotation").split()),
            Credit(value("name") or key, licence, value("creator"), f"sweethome3d-furniture: {library.stem}, {key}"),
        )
    return entries


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "deresunet" / "rooms"


def _look(entry: Entry, name: str, look: Look, picture: np.ndarray | None) -> Material:
    if look.opacity < 0.75:
        return Material(f"{name} (glass)", linear(*(255 * np.array(look.colour))), 0.05, opacity=max(look.opacity, 0.1))
    roughness = float(np.clip((2 / (look.shine + 2)) ** 0.25, 0.25, 0.9))
    if picture is not None:
        title = f"{entry.library.stem}/{entry.key}/{look.picture}"
        return Material(name, (0.92, 0.92, 0.92), max(roughness, 0.4), texture=Texture(title, picture, mapping="uv"))
    colour = linear(*(255 * np.array(look.colour)))
    if _METAL.search(name):
        return Material(name, linear(*([max(200.0, 255 * max(look.colour))] * 3)), 0.3, 1.0)
    return Material(name, colour, roughness)


def _parse(entry: Entry, most: int) -> dict[str, Any]:
    """Arrays for the cache: the model in the frame of `scene.py`, in its catalogue size, by material."""
    with zipfile.ZipFile(entry.library) as archive:
        names = {name.lower(): name for name in archive.namelist()}
        model = wavefront.read_obj(archive.read(entry.path).decode("latin-1"))
        mtl = names.get(entry.path[:-4].lower() + ".mtl")
        looks = wavefront.read_mtl(archive.read(mtl).decode("latin-1")) if mtl else {}
        pictures: dict[str, np.ndarray] = {}
        for look in looks.values():
            file = names.get(f"{PurePosixPath(entry.path).parent}/{look.picture}".lower()) if look.picture else None
            if file and look.picture not in pictures:
                data = cv2.imdecode(np.frombuffer(archive.read(file), np.uint8), cv2.IMREAD_COLOR)
                if data is not None:
                    h, w = (min(_PICTURE, side) for side in data.shape[:2])
                    small = cv2.resize(data, (w, h), interpolation=cv2.INTER_AREA)
                    pictures[look.picture] = np.ascontiguousarray(small[..., ::-1])
    points = model.positions
    if entry.rotation:
        points = points @ np.array(entry.rotation).reshape(3, 3).T
    points = np.stack([points[:, 0], -points[:, 2], points[:, 1]], 1)  # y up, front at +z -> z up, front at -y
    used = np.unique(model.faces)
    low, high = points[used].min(0), points[used].max(0)
    points = (points - [*((low + high) / 2)[:2], low[2]]) * (np.array(entry.size) / np.maximum(high - low, 1e-9))
    model = wavefront.Triangles(points, model.faces, model.uv, model.material, model.names)
    model = wavefront.thinned(model, most)
    normals = wavefront.corner_normals(model)
    arrays: dict[str, Any] = {f"picture {name}": picture for name, picture in pictures.items()}
    pieces = []
    for number, name in enumerate(model.names):
        mine = model.material == number
        if not mine.any():
            continue
        corners = np.concatenate([model.positions[model.faces[mine]], normals[mine], model.uv[mine]], -1).reshape(-1, 8)
        rows, index = np.unique(np.round(corners, 5).astype(np.float32), axis=0, return_inverse=True)
        arrays[f"rows {len(pieces)}"], arrays[f"faces {len(pieces)}"] = rows, index.reshape(-1, 3).astype(np.int32)
        look = looks.get(name, Look())
        pieces.append([name, look.colour, look.opacity, look.shine, look.picture])
    arrays["pieces"] = np.frombuffer(json.dumps(pieces).encode(), np.uint8)
    return arrays


@lru_cache(maxsize=256)
def pieces(entry: Entry, most: int) -> tuple[Piece, ...]:
    """A model's pieces: footprint about the origin, back at +y, z from 0, in its catalogue size [m].

    What was parsed once is kept in `~/.cache/deresunet/rooms` (or under XDG_CACHE_HOME).

    Args:
        entry: of `catalogue`.
        most: number of triangles that it is thinned to.
    """
    stamp = entry.library.stat()
    file = _cache_folder() / f"{entry.library.stem}-{stamp.st_size}-{entry.key}-{most}-v{_VERSION}.npz"
    try:
        arrays = _load(file)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        arrays = _parse(entry, most)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, lambda beside: _store(beside, arrays))
        except (OSError, InputError):
            pass  # a home that cannot be written to costs time, nothing else
    found = []
    for index, (name, colour, opacity, shine, picture) in enumerate(json.loads(bytes(arrays["pieces"]))):
        rows = arrays[f"rows {index}"]
        normals = rows[:, 3:6] / np.maximum(np.linalg.norm(rows[:, 3:6], axis=1, keepdims=True), 1e-9)
        mesh = Mesh(
            np.ascontiguousarray(rows[:, :3]),
            normals.astype(np.float32),
            arrays[f"faces {index}"],
            np.ascontiguousarray(rows[:, 6:8]),
        )
        look = Look(tuple(colour), opacity, shine, picture)
        found.append(Piece(name, mesh, _look(entry, name, look, arrays.get(f"picture {picture}"))))
    return tuple(found)


def _load(file: Path) -> dict[str, np.ndarray]:
    with np.load(file) as archive:
        return {name: archive[name] for name in archive.files}


def _store(file: Path, arrays: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    file.write_bytes(buffer.getvalue())
