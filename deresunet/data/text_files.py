"""Text, lists and JSON files in whatever encoding editors and shells write."""

from __future__ import annotations

import codecs
import json
import os
import re
from pathlib import Path
from typing import Any

from deresunet.errors import InputError, first_line

# A list of a million names, or the JSON of thousands of objects; nothing that a person writes comes near it.
MAX_BYTES = 1 << 26
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What operating systems leave beside people's files.
_LEFT_BEHIND = {"thumbs.db", "desktop.ini", "__macosx", "icon\r", "ehthumbs.db"}


def left_behind(name: str) -> bool:
    """Whether a file or folder of this name is an operating system's own, such as `._0001.png` or `Thumbs.db`."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def readable(name: str) -> str:
    r"""Name of a file for display: one that is not UTF-8 on disk is taken for Windows-1252, as lists are.

    >>> readable("b\udcfcro"), readable("büro")
    ('büro', 'büro')
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return decode_text(os.fsencode(name))
    return name


def decode_text(content: bytes) -> str:
    """Text of a file: UTF-8, UTF-16 or UTF-32 by its mark, UTF-16 by its zeros, UTF-8, or else Windows-1252.

    >>> decode_text("büro".encode("utf-16")), decode_text("büro".encode("latin-1"))
    ('büro', 'büro')
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    # PowerShell and Notepad write UTF-16; without its mark every other byte of plain names is zero.
    if len(content) >= 4 and 0 in content:
        zeros = [content[start::2].count(0) for start in (0, 1)]
        if max(zeros) > 0.3 * len(content) / 2:
            return content.decode("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le", errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def read_text(path: str | os.PathLike[str]) -> str:
    """Content of a text file.

    Raises:
        InputError: it is missing, cannot be read, or is larger than 64 MB.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is {path.stat().st_size:,} bytes; expected text of at most {MAX_BYTES:,}.")
        return decode_text(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or first_line(error)}).") from error


def read_list(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Lines of a list that are not empty, without the spaces around them. Raises as `read_text`."""
    return tuple(line.strip() for line in read_text(path).splitlines() if line.strip())


def read_json(path: str | os.PathLike[str], mend: bool = False) -> Any:
    r"""Content of a JSON file.

    Args:
        path: the file.
        mend: take stray backslashes out of a file that cannot be parsed otherwise, as in `{"name":"wall\"}`, which
            some of SUN RGB-D's annotations hold.

    Raises:
        InputError: it cannot be read or is not JSON; the message has its path.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        if mend:
            # A quote that closes a value is followed by } , ] or :, so a backslash before it escapes nothing.
            mended = re.sub(r'\\+"(?=\s*[},\]:])', '"', text)
            mended = re.sub(r'\\(?!["\\/bfnrtu])', "", mended)
            try:
                return json.loads(mended)
            except (ValueError, RecursionError, MemoryError):
                pass
        raise InputError(f"{path} is not JSON ({first_line(error)}). Correct it, or take it away.") from error
