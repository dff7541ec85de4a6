"""SUN RGB-D's archive, zipped or unpacked, as frames that can be laid out in a folder one by one."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from deresunet.atomic import write_whole
from deresunet.data.sunrgbd.layout import PARTS, SENSORS, find_frames
from deresunet.data.sunrgbd.reader import frames_root
from deresunet.data.sunrgbd.toolbox import BOXES_FILE, LABELS_FILE, META_FILE, SPLIT_FILE
from deresunet.data.text_files import left_behind
from deresunet.errors import InputError

# No file of the data set comes near it; a damaged or hostile archive could claim any size.
MAX_FILE_BYTES = 1 << 28
_COPY_BYTES = 1 << 20


class Archive(Protocol):
    """Frames, and the folder SUNRGBD/ that they lie in once they were asked for."""

    root: Path
    names: tuple[str, ...]

    def lay_out(self, name: str) -> None:
        """Have the frame's files below `root`. Raises `InputError` if they cannot be."""
        ...


class FolderArchive:
    """SUNRGBD/ as unpacked: all is there already.

    Args:
        folder: it, or the folder above it.

    Raises:
        InputError: no frame is in it.
    """

    def __init__(self, folder: Path) -> None:
        self.root = frames_root(folder).resolve()
        self.names = tuple(find_frames(self.root))

    def lay_out(self, name: str) -> None:
        """Nothing to do."""


class ZipArchive:
    """SUNRGBD.zip, of which a frame's files are unpacked when it is asked for, and only those that are read.

    Args:
        path: of the archive.
        out: the folder in which SUNRGBD/ is made.

    Raises:
        InputError: the file is no zip archive, holds no frame, or the disk has no room for what is in it.
    """

    def __init__(self, path: Path, out: Path) -> None:
        self.path = path
        self.root = out / "SUNRGBD"
        self._zip = _open_zip(path)
        self._members: dict[str, list[tuple[str, zipfile.ZipInfo]]] = {}
        for info in self._zip.infolist():
            found = _frame_and_file(info.filename)
            if found is not None:
                self._members.setdefault(found[0], []).append((found[1], info))
        # fullres/intrinsics.txt does not make fullres/ a frame: what lies in a frame is none itself.
        for name in list(self._members):
            if any(parent in self._members for parent in _parents(name)):
                del self._members[name]
        # The real archive has some 250,000 entries; `ZipFile.open` takes those that are kept here as they are.
        self._zip.filelist.clear()
        self._zip.NameToInfo.clear()
        self.names = tuple(sorted(self._members))
        if not self.names:
            raise InputError(f"{path}: no frame of SUN RGB-D in it. Expected SUNRGBD.zip.")
        wanted = sum(info.file_size for files in self._members.values() for _, info in files)
        free = shutil.disk_usage(out).free + sum(file.stat().st_size for file in self.root.rglob("*") if file.is_file())
        if wanted > free:
            raise InputError(f"{out} has room for {free / 1e9:.1f} GB; unpacking {path.name} takes {wanted / 1e9:.1f}.")

    def lay_out(self, name: str) -> None:
        """Unpack a frame's files that are not there yet.

        Raises:
            InputError: one of them is damaged; the message has its path.
        """
        for inner, info in self._members[name]:
            unpack(self._zip, info, self.root / name / inner, self.path)


def open_archive(path: Path, out: Path) -> Archive:
    """SUN RGB-D's frames from SUNRGBD.zip, or from the folder that it was unpacked to.

    Raises:
        InputError: it is neither.
    """
    return FolderArchive(path) if path.is_dir() else ZipArchive(path, out)


def open_toolbox(path: Path, out: Path) -> Path:
    """The folder of the toolbox's .mat files, unpacked into `out` if `path` is SUNRGBDtoolbox.zip.

    HDF5 is read from here and there, which a compressed stream does not allow, so the files are unpacked.

    Raises:
        InputError: a file of the toolbox is missing or damaged.
    """
    needed = (SPLIT_FILE, META_FILE, LABELS_FILE)
    if path.is_dir():
        folder = next((at for at in (path, path / "SUNRGBDtoolbox") if (at / SPLIT_FILE).is_file()), path)
        absent = [name for name in needed if not (folder / name).is_file()]
    else:
        folder = out
        with _open_zip(path) as packed:
            for info in packed.infolist():
                for name in (*needed, BOXES_FILE):
                    if info.filename.replace("\\", "/").endswith("/" + name) or info.filename == name:
                        unpack(packed, info, folder / name, path, limit=None)
        absent = [name for name in needed if not (folder / name).is_file()]
    if absent:
        raise InputError(f"{path} has no {', '.join(absent)}. Expected SUNRGBDtoolbox.zip, or the folder unpacked.")
    return folder


def unpack(
    packed: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    target: Path,
    archive: Path,
    limit: int | None = MAX_FILE_BYTES,
) -> None:
    """Stream one file out of a zip archive, whole or not at all; one that is there in its size stays.

    Raises:
        InputError: it is damaged, or larger than `limit` bytes.
    """
    if target.is_file() and target.stat().st_size == info.file_size:
        return
    where = f"{archive}: {info.filename}"
    if limit is not None and info.file_size > limit:
        raise InputError(f"{where} is {info.file_size:,} bytes; expected at most {limit:,}.")

    def copy(beside: Path) -> None:
        with packed.open(info) as source, beside.open("wb") as sink:
            shutil.copyfileobj(source, sink, _COPY_BYTES)

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, copy)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where} is damaged ({error}). Download the archive again.") from error
    except Exception as error:  # zlib.error has no base of its own
        raise InputError(f"{where} cannot be unpacked ({error}). Download the archive again.") from error


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a zip archive that can be read ({error}). Download it again.") from error


def _parents(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _frame_and_file(filename: str) -> tuple[str, str] | None:
    """A member's frame and its path in it, if it is a file that this project reads and leads nowhere else."""
    pieces = [piece for piece in filename.replace("\\", "/").split("/") if piece not in ("", ".")]
    start = next((k for k, piece in enumerate(pieces) if piece in SENSORS), None)
    if start is None or filename.endswith("/") or any(os.sep in piece or left_behind(piece) for piece in pieces):
        return None
    part = next((k for k in range(start + 1, len(pieces)) if pieces[k] in PARTS), None)
    if part is None or part == start + 1:
        return None
    return "/".join(pieces[start:part]), "/".join(pieces[part:])
