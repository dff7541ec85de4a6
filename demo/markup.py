"""Scripts of clickable HTML, and the words of class filters."""

from __future__ import annotations

from deresunet.classes import ClassSet
from deresunet.evaluation import report_page

ALL_CLASSES = report_page.ALL_CLASSES
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
