"""Pieces of HTML that several tabs and the reports are built from."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from deresunet.classes import ClassSet
from deresunet.visualization.colours import Colour, hex_code

ALL_CLASSES = "all classes"
NO_CLASS = "no class"
# Lets a click on a class of a legend, a chart or a table reach the page, which no component of Gradio's does for HTML.
PICK_CLASS = """element.addEventListener('click', (event) => {
    const picked = event.target.closest('[data-class]');
    if (picked) trigger('select', { index: 0, value: picked.dataset.class });
});"""
# A click on a head sorts its table's rows, numbers from the highest; a second click turns them around.
SORT_TABLE = (
    """element.addEventListener('click', (event) => {
    const head = event.target.closest('th');
    if (!head) return;
    const value = (row) => row.cells[head.cellIndex].dataset.value ?? row.cells[head.cellIndex].textContent;
    const body = head.closest('table').tBodies[0];
    const rows = [...body.rows];
    const numeric = rows.some((row) => 'value' in row.cells[head.cellIndex].dataset);
    const usual = numeric ? 'descending' : 'ascending';
    const turned = head.getAttribute('aria-sort') === usual;
    const sorted = rows.filter((row) => value(row) !== '')
        .sort((a, b) => numeric ? value(b) - value(a) : value(a).localeCompare(value(b)));
    if (turned) sorted.reverse();
    for (const other of head.parentElement.cells) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', turned === numeric ? 'ascending' : 'descending');
    // What nothing defines stays at the end, whichever way the rows are sorted.
    body.append(...sorted, ...rows.filter((row) => value(row) === ''));
});
"""
    + PICK_CLASS
)


def chosen_class(name: str | None, classes: ClassSet) -> int | None:
    """The class 1..N of a display name; None for all."""
    return classes.display_names.index(name) + 1 if name in classes.display_names else None


def swatch(label: int, classes: ClassSet) -> str:
    """A class's colour as a small square; black for void."""
    return f'<i class="swatch" style="background:{"#000" if label == 0 else classes.colours[label - 1]}"></i>'


def class_keys(labels: Iterable[int], classes: ClassSet) -> str:
    """Names and colours of classes 1..N."""
    return key_line({classes.display_name(label): classes.palette[label] for label in labels})


def key_line(keys: Mapping[str, Colour | np.ndarray]) -> str:
    """Meanings of colours."""
    return "".join(
        f'<span class="key"><i class="swatch" style="background:{hex_code(colour)}"></i>{name}</span>'
        for name, colour in keys.items()
    )


def figure(value: str, name: str, more: str = "") -> str:
    """A number in large type with its name below."""
    return f'<div class="figure"><b>{value}</b><span>{name}</span>{more}</div>'


def ordered_list(lines: Iterable[str]) -> str:
    """Lines of HTML, numbered."""
    return f'<ol class="lines">{"".join(f"<li>{line}</li>" for line in lines)}</ol>'


def table(rows: pd.DataFrame, signed: Iterable[str] = (), caption: str = "", classes: ClassSet | None = None) -> str:
    """A table that `SORT_TABLE` sorts; a column "class" of display names gets swatches and is clickable.

    Args:
        rows: text, counts, and numbers that are shown to one decimal (NaN: n/a).
        signed: columns whose numbers are shown with their sign.
        caption: title above the table.
        classes: those that a column "class" names.
    """
    heads = "".join(f'<th scope="col"><button type="button">{html.escape(str(name))}</button></th>' for name in rows)
    body = "".join(
        f"<tr>{''.join(_cell(name, one, name in signed, classes) for name, one in zip(rows, row, strict=True))}</tr>"
        for row in rows.itertuples(index=False)
    )
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table class="numbers">{title}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def _cell(name: str, value: object, signed: bool, classes: ClassSet | None) -> str:
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return '<td data-value="">n/a</td>'
        return f'<td data-value="{value:.6f}">{value:{"+" if signed else ""}.1f}</td>'
    if isinstance(value, int | np.integer):
        return f'<td data-value="{value}">{value:,}</td>'
    if name == "class":
        assert classes is not None, "a column of classes needs their class set"
        shown, label = html.escape(str(value)), classes.display_names.index(str(value)) + 1
        return f'<td><button type="button" data-class="{shown}">{swatch(label, classes)}{shown}</button></td>'
    return f"<td>{html.escape(str(value))}</td>"
