"""The label audit of a data set: a gallery of suspect annotations, with their list as files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from demo.components import PRIVATE, QUIET
from demo.dataset.evaluations import Evaluations
from demo.dataset.progress import OpenRequest, Run
from demo.downloads import KEEP_SECONDS, handed_out
from demo.inspection import Cache
from demo.inspector import DatasetFrame
from demo.markup import ALL_CLASSES, chosen_class
from demo.notices import with_notice
from deresunet.errors import InputError
from deresunet.evaluation.audit import Audit, Finding, audit
from deresunet.evaluation.html import in_percent
from deresunet.visualization.colours import FALSE_POSITIVE
from deresunet.visualization.overlays import outline
from deresunet.visualization.panels import background_of

# Findings on the page: at first, and more at a click.
PAGE = 12
_KEPT = 4


class Audits:
    """Label audits of the page's data sets; the latest are kept.

    Args:
        evaluations: holds data sets and networks.
    """

    def __init__(self, evaluations: Evaluations) -> None:
        self.evaluations = evaluations
        self._kept: Cache[Audit] = Cache(_KEPT, lambda _: 1)

    def of(self, run: Run, on_frame: Callable[[int], None] | None = None) -> Audit:
        """Audit the labels of a data set with a network, or return the audit that is kept.

        Args:
            run: data set, modality and weights.
            on_frame: called after each frame with the number of frames done.

        Raises:
            InputError: no frame has ground truth, or stored predictions have no confidences.
        """
        key = (run, self.evaluations.run_folder(run).folder.name)

        def made() -> Audit:
            segmenter, reader = self.evaluations.segmenter(run), self.evaluations.reader(run)
            return audit(segmenter, reader, run.modality, on_frame=on_frame, on_error="skip", workers=1)

        return self._kept.get(key, made)

    def picture(self, run: Run, finding: Finding) -> np.ndarray:
        """The frame of a finding with the region outlined, uint8 (H, W, 3)."""
        frame = self.evaluations.reader(run).read(finding.frame)
        return outline(background_of(frame), finding.mask(frame.size), FALSE_POSITIVE, 4)


def build_audit(evaluations: Evaluations, asked: list[Any]) -> gr.State:
    """Lay out the label audit inside the page's current context.

    Args:
        evaluations: holds data sets and networks.
        asked: data set and modality: the tab's controls.

    Returns:
        State: an `OpenRequest`, or None at first; its `change` fires at each click on a finding.
    """
    audits = Audits(evaluations)
    opened = gr.State(None, time_to_live=KEEP_SECONDS)
    listing = gr.State([], time_to_live=KEEP_SECONDS)  # indices of the findings in the gallery
    amount = gr.State(PAGE, time_to_live=KEEP_SECONDS)
    gr.HTML(
        '<p class="soft">Large, compact regions where the network is confident of another class than the ground '
        "truth, the most suspect first: many are annotation errors, others are the network's.</p>",
        padding=False,
    )
    networks = evaluations.checkpoints
    with gr.Row(elem_classes="ds-filters"):
        weights = gr.Dropdown(
            networks.choices, value=networks.best_name, label="Weights", visible=len(networks.names) > 1,
            min_width=220, elem_id="ds-audit-weights",
        )  # fmt: skip
        start = gr.Button("Audit the labels", variant="primary", scale=0, min_width=180, elem_id="ds-audit")
        only = gr.Dropdown(
            [ALL_CLASSES], value=ALL_CLASSES, label="Annotated or predicted class", visible=False,
            elem_id="ds-audit-class",
        )  # fmt: skip
        files = gr.Files(label="Findings", visible=False, interactive=False, scale=2, elem_id="ds-audit-files")
    notice = gr.HTML(elem_id="ds-audit-notice", elem_classes="notices", padding=False)
    note = gr.HTML(elem_id="ds-audit-note", padding=False)
    gallery = gr.Gallery(
        show_label=False, container=False, elem_id="ds-audit-gallery", elem_classes="ds-gallery", allow_preview=False,
        format="jpeg", object_fit="contain", height="auto", buttons=[],
    )  # fmt: skip
    more = gr.Button("More findings", size="sm", visible=False, elem_id="ds-audit-more")

    asked = [*asked, weights]

    def shown(run: Run, only: str, amount: int) -> list[Any]:
        """Updates of note, gallery, listing, amount and the button for more."""
        found = audits.of(run)
        classes = found.class_set
        label = chosen_class(only, classes)
        chosen = [k for k, one in enumerate(found.findings) if label in (None, one.annotated, one.predicted)]
        pictures, kept = [], []
        for k in chosen[:amount]:
            one = found.findings[k]
            try:
                picture = audits.picture(run, one)
            except InputError:
                continue  # its file has gone since the audit
            words = (
                f"{k + 1}. annotated {classes.display_name(one.annotated)}, predicted "
                f"{classes.display_name(one.predicted)}"
            )
            pictures.append((Image.fromarray(picture), f"{words} ({in_percent(one.confidence, 0)}) · {one.frame}"))
            kept.append(k)
        skipped = f" {len(found.failed):,} frames could not be used." if found.failed else ""
        return [
            f'<p class="soft">{len(chosen):,} findings in {found.frames:,} frames.{skipped} Click one to open its '
            "frame in Inspect, with both classes in the class filter.</p>",
            gr.Gallery(pictures, selected_index=None),
            kept,
            amount,
            gr.Button(visible=len(chosen) > amount),
        ]

    @with_notice(7, "The labels were not audited")
    def on_start(source: str, modality: Any, weights: str, progress: gr.Progress) -> list[Any]:
        run = evaluations.run(source, modality, weights)
        total = len(evaluations.reader(run).names)
        found = audits.of(run, lambda done: progress((done, total), desc="frames", unit="frames"))
        present = sorted(
            {found.class_set.display_name(label) for one in found.findings for label in (one.annotated, one.predicted)}
        )
        handed = [
            handed_out("findings.csv", found.csv().encode()),
            handed_out("frames.txt", found.frame_list().encode()),
        ]
        return [
            gr.Dropdown([ALL_CLASSES, *present], value=ALL_CLASSES, visible=bool(present)),
            gr.Files(handed, visible=True),
            *shown(run, ALL_CLASSES, PAGE),
        ]

    def on_click(source: str, modality: Any, weights: str, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008 - how Gradio hands it in
        return on_start(source, modality, weights, progress)

    @with_notice(5, "The findings cannot be shown")
    def on_class(source: str, modality: Any, weights: str, only: str) -> list[Any]:
        return shown(evaluations.run(source, modality, weights), only, PAGE)

    @with_notice(5, "The findings cannot be shown")
    def on_more(source: str, modality: Any, weights: str, only: str, amount: int) -> list[Any]:
        return shown(evaluations.run(source, modality, weights), only, amount + PAGE)

    @with_notice(2, "The frame was not opened", cleared=False)
    def on_finding(where: gr.SelectData, listing: list[int], source: str, modality: Any, weights: str) -> list[Any]:
        if not 0 <= int(where.index) < len(listing):  # the visitor's list has expired
            return [gr.skip(), gr.skip()]
        run = evaluations.run(source, modality, weights)
        found = audits.of(run)
        findings = found.findings
        one = findings[listing[int(where.index)]]
        classes = tuple(found.class_set.display_name(label) for label in (one.annotated, one.predicted))
        frames = tuple(dict.fromkeys(finding.frame for finding in findings))
        name = weights or evaluations.checkpoints.first_name
        return [
            OpenRequest(DatasetFrame(source, one.frame), (run,), (name,), classes, frames, "most suspect first"),
            gr.Gallery(selected_index=None),
        ]

    def on_other() -> list[Any]:
        """Clear the findings of another data set or network."""
        hidden = gr.update(visible=False)
        return ["", hidden, gr.update(value=None, visible=False), "", gr.Gallery([]), [], PAGE, hidden]

    listed = [note, gallery, listing, amount, more]
    first = [notice, only, files, *listed]
    start.click(
        on_click, asked, first, concurrency_id="audit", concurrency_limit=1, show_progress_on=[gallery], **PRIVATE
    )
    gr.on([control.change for control in asked], on_other, None, first, **QUIET)
    only.input(on_class, [*asked, only], [notice, *listed], show_progress_on=[gallery], **PRIVATE)
    more.click(on_more, [*asked, only, amount], [notice, *listed], show_progress_on=[gallery], **PRIVATE)
    gallery.select(on_finding, [listing, *asked], [notice, opened, gallery], **QUIET)
    return opened
