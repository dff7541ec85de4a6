"""Evaluations asked for on the page: one at a time, followed by any number of visitors, resumed, and kept."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

import gradio as gr
import numpy as np
from gradio.context import LocalContext
from gradio.utils import get_upload_folder

from demo.dataset.progress import Progress, Request, Run, time_left
from demo.dataset.result import DatasetResult
from demo.dataset.stopping import StoppableReader, StoppedError
from demo.dataset.store import LIMIT_BYTES, EvaluationStore, RunFolder
from demo.networks import Checkpoints
from deresunet.classes import ClassSet
from deresunet.data.fingerprint import contents_fingerprint
from deresunet.data.frame import Frame
from deresunet.data.labels import class_set_of
from deresunet.data.passes import Failure
from deresunet.data.readers import Reader
from deresunet.data.sunrgbd.reader import SunRgbdReader
from deresunet.errors import InputError
from deresunet.evaluation.evaluator import describe_protocol, evaluate
from deresunet.evaluation.metrics import METRICS_VERSION, scores
from deresunet.evaluation.resume import ResumeFile
from deresunet.inference.predictor import SegmentationPredictor
from deresunet.inference.preprocessing import Modality
from deresunet.inference.sideways import notice_if_sideways
from deresunet.inference.tta import SUNRGBD_SIZE, Inference

log = logging.getLogger(__name__)

# Results in memory, for all visitors together; others are read again from disk in a second or two.
KEPT_BYTES = 256 << 20
# A data set's files are looked at for changes this often [s]; ten thousand frames take half a second.
FINGERPRINT_SECONDS = 5.0
# A run that no page has asked about for so long makes room for another. Browsers let a page in the background ask
# once a minute.
UNWATCHED_S = 180.0
_STOP_S = 60.0
# Frames whose descriptions tell whether a data set has ground truth.
_LABEL_PROBES = 16


class Evaluations:
    """Run, follow and keep evaluations for all visitors of a server.

    Frames are run one by one through the predictor that segments visitors' single frames; its lock is let go of
    between frames, while a frame is scored, so the two take turns.

    Args:
        checkpoints: networks and predictions by the name that the page shows.
        readers: data sets by the name that the page shows.
        folder: where results and labels are kept; by default beside Gradio's own cache.
        limit_bytes: size of that folder, at most.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        readers: Mapping[str, Reader],
        folder: Path | None = None,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self.checkpoints = checkpoints
        self.readers = readers
        self._store = EvaluationStore(folder or Path(get_upload_folder()) / "evaluations", limit_bytes)
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._run: Run | None = None
        self._kept: OrderedDict[Request, DatasetResult] = OrderedDict()
        self._failures: dict[Request, str] = {}
        self._fingerprints: dict[str, tuple[float, str]] = {}
        self._labelled: dict[str, bool] = {}

    def start(self, request: Request, visitor: str, anew: bool = False) -> None:
        """Start, resume or join the evaluation of `request`.

        Args:
            request: its settings.
            visitor: who asks.
            anew: discard the results that are there.

        Raises:
            InputError: there is no such data set, or another evaluation is running and someone follows it.
        """
        folder = self.run_folder(request)
        with self._lock:
            self._failures.pop(request, None)
            run, now = self._run, time.monotonic()
            if run is not None and run.request == request and not run.stop.is_set():
                run.watchers[visitor] = run.seen = now
                run.asked = LocalContext.request.get(None)
                return
            if run is not None and not run.stop.is_set() and now - run.seen < UNWATCHED_S:
                raise InputError(
                    f"One evaluation runs at a time, and now it is {run}{time_left(run.seconds_left)}. "
                    "Choose the same to follow it, or come back when it is done."
                )
            if run is not None:
                run.stop.set()
        if run is not None and run.thread is not None:
            run.thread.join(_STOP_S)  # the frame that it is at
        with self._lock:
            if self._run is not None:
                raise InputError(f"The evaluation of {self._run.request} is still stopping. Try again in a moment.")
            if anew:
                folder.clear()
            if folder.finished:
                return
            now = time.monotonic()
            total = len(self._reader(request.source).names)
            self._run = run = Run(request, total, folder.frames_done(), {visitor: now}, now)
            # A daemon, so that the server can end; the resume file has the frames done. In the visitor's context, in
            # which ZeroGPU finds whom to charge.
            run.asked, context = LocalContext.request.get(None), contextvars.copy_context()
            run.thread = threading.Thread(
                target=context.run, args=(self._work, run, folder), name="evaluation", daemon=True
            )
            run.thread.start()

    def cancel(self, request: Request, visitor: str) -> None:
        """Stop running it for `visitor`; it ends after the current frame when nobody else follows it."""
        with self._lock:
            run = self._run
            if run is not None and run.request == request:
                run.watchers.pop(visitor, None)
                if not run.watchers:
                    run.stop.set()

    def progress(self, request: Request, visitor: str = "") -> Progress:
        """How far the evaluation of `request` is; a visitor who follows it is noted as being there.

        Raises:
            InputError: there is no such data set.
        """
        total = len(self._reader(request.source).names)
        self._fingerprint(request.source)  # lets go of results whose files changed
        with self._lock:
            run, now = self._run, time.monotonic()
            if run is not None and run.request == request:
                if visitor in run.watchers:
                    run.watchers[visitor] = run.seen = now
                    run.asked = LocalContext.request.get(None)
                following = visitor in run.watchers
                return Progress(
                    "running", run.done, run.total, run.miou, run.seconds_left, following, run.stop.is_set()
                )
            elsewhere = "" if run is None else f"{run}{time_left(run.seconds_left)}"
            failure = self._failures.get(request, "")
            if request in self._kept:
                return Progress("done", total, total, elsewhere=elsewhere)
        folder = self.run_folder(request)
        if folder.finished:
            return Progress("done", total, total, elsewhere=elsewhere)
        done = folder.frames_done()
        return Progress("partial" if done else "new", done, total, elsewhere=elsewhere, failure=failure)

    def result(self, request: Request) -> DatasetResult:
        """Result of a finished evaluation.

        Raises:
            InputError: it is not finished.
        """
        with self._loading:  # once, however many ask
            self._fingerprint(request.source)  # lets go of results whose files changed
            with self._lock:
                if request in self._kept:
                    self._kept.move_to_end(request)
                    return self._kept[request]
            folder = self.run_folder(request)
            if not folder.finished:
                raise InputError(f"{request}: this evaluation is not finished. Start or resume it.")
            with ResumeFile(folder.resume, folder.subject) as resume:
                return self._keep(request, self._evaluate(request, folder, resume, folder.notices))

    def request(self, source: str, modality: Modality, weights: str | None) -> Request:
        """Settings of an evaluation as the page's controls have them."""
        return Request(source, modality, "" if weights in (None, self.checkpoints.first_name) else str(weights))

    def name(self, request: Request) -> str:
        """Name of the run for people, with its weights."""
        return replace(request, weights=request.weights or self.checkpoints.first_name).run_name

    def finished(self, source: str) -> list[Request]:
        """Finished runs over a data set by weights and predictions that are on offer, the latest first.

        Raises:
            InputError: there is no such data set.
        """
        found = []
        for settings in self._store.finished(self._fingerprint(source)):
            weights, modality = settings.get("weights", ""), settings.get("modality", "")
            if modality in get_args(Modality) and weights in ("", *self.checkpoints.names):
                found.append(Request(source, modality, weights))  # type: ignore[arg-type]
        return list(dict.fromkeys(found))

    def run_folder(self, request: Request) -> RunFolder:
        """Folder of the run of `request`.

        Raises:
            InputError: there is no such data set, or there are no such weights.
        """
        segmenter = self.segmenter(request)
        origin, classes = segmenter.provenance(request.modality), self.class_set(request.source)
        return self._store.run_folder(
            {
                "data": self._fingerprint(request.source),
                "metrics": METRICS_VERSION,
                "weights": origin.sha256 or origin.weights,
                "backend": origin.backend,  # another rounding moves a pixel here and there
                "protocol": describe_protocol(segmenter, classes),
                "classes": classes.to_dict(),
                "modality": request.modality,
                "arithmetic": f"{origin.precision} on {origin.device}",
            }
        )

    def segmenter(self, request: Request) -> SegmentationPredictor:
        """Predictor of the frames of `request`, as `python -m deresunet evaluate` runs it."""
        return self.checkpoints.get(request.weights or None).with_inference(self._inference(request))

    def reader(self, request: Request) -> Reader:
        """The data set of `request`."""
        return self._reader(request.source)

    def class_set(self, source: str) -> ClassSet:
        """Classes of a data set's ground truth."""
        return class_set_of(self._reader(source))

    def has_labels(self, source: str) -> bool:
        """Whether a data set has ground truth: one of some frames, evenly taken, has a label."""
        if source not in self._labelled:
            reader = self._reader(source)
            probes = reader.names[:: max(len(reader.names) // _LABEL_PROBES, 1)]
            self._labelled[source] = any(_has_label(reader, name) for name in probes)
        return self._labelled[source]

    def _inference(self, request: Request) -> Inference:
        """Input size and views of the command line's `--protocol auto`."""
        return Inference(SUNRGBD_SIZE if isinstance(self._reader(request.source), SunRgbdReader) else None)

    def _reader(self, source: str) -> Reader:
        if source not in self.readers:
            raise InputError(f"There is no data set {source!r}. Choose one of: {', '.join(self.readers)}.")
        return self.readers[source]

    def _fingerprint(self, source: str) -> str:
        """Fingerprint of a data set's files, looked at anew every few seconds; results of files that changed go."""
        checked, known = self._fingerprints.get(source, (-FINGERPRINT_SECONDS, ""))
        now = time.monotonic()
        if now - checked >= FINGERPRINT_SECONDS:
            found = contents_fingerprint(self._reader(source))
            if known and found != known:
                with self._lock:
                    for request in [request for request in self._kept if request.source == source]:
                        del self._kept[request]
            self._fingerprints[source] = (time.monotonic(), found)
            return found
        return known

    def _work(self, run: Run, folder: RunFolder) -> None:
        failure = ""
        try:
            self._reader(run.request.source).check()
            self._store.make_room(folder)
            with folder.held(), ResumeFile(folder.resume, folder.subject) as resume:
                run.done = resume.resumed
                reader = StoppableReader(self._reader(run.request.source), run.stop)
                sideways = notice_if_sideways(self.segmenter(run.request), reader, run.request.modality)
                result = self._evaluate(run.request, folder, resume, sideways, run)
                folder.finish({**vars(run.request)}, sideways)
            self._keep(run.request, result)
        except StoppedError:
            pass
        except InputError as error:
            failure = str(error)
        except gr.Error as error:  # ZeroGPU's: it says what the visitor can do
            failure = f"{error.message} The frames done are kept: resume it later."
        except Exception as error:
            log.exception("the evaluation of %s broke off", run.request)
            failure = f"The evaluation broke off ({type(error).__name__}); the server's log says more."
        finally:
            with self._lock:
                if failure:
                    self._failures[run.request] = self._without_paths(run.request, failure)
                self._run = None

    def _evaluate(
        self, request: Request, folder: RunFolder, resume: ResumeFile, noticed: tuple[str, ...], run: Run | None = None
    ) -> DatasetResult:
        began, before = time.perf_counter(), resume.resumed

        def on_frame(done: int, frame: Frame, label: np.ndarray, matrix: np.ndarray) -> None:
            if run is None:
                return
            LocalContext.request.set(run.asked)  # its token for ZeroGPU lasts for a while only
            seconds = (time.perf_counter() - began) / max(done - before, 1)
            run.done, run.miou, run.seconds_left = done, scores(matrix).miou, seconds * (run.total - done)
            if run.stop.is_set():
                raise StoppedError

        reader = self._reader(request.source)
        evaluation = evaluate(
            self.segmenter(request),
            reader if run is None else StoppableReader(reader, run.stop),
            request.modality,
            on_frame=on_frame,
            keep_label=folder.keep_label,
            on_error="skip",
            workers=1,  # reads the next frame while this one is run, and leaves the other cores to visitors
            resume=resume,
        )
        failed = tuple(Failure(one.name, self._without_paths(request, one.error)) for one in evaluation.failed)
        evaluation = replace(evaluation, failed=failed, notices=(*evaluation.notices, *noticed))
        return DatasetResult(evaluation, request.source, request.modality)

    def _keep(self, request: Request, result: DatasetResult) -> DatasetResult:
        with self._lock:
            self._kept[request] = result
            self._kept.move_to_end(request)
            while len(self._kept) > 1 and sum(one.nbytes for one in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
        return result

    def _without_paths(self, request: Request, text: str) -> str:
        """Remove paths on the server from a message, which goes to visitors and into reports."""
        for folder in (getattr(self._reader(request.source), "root", None), self._store.folder):
            for path in () if folder is None else {str(folder), str(Path(folder).resolve())}:
                text = text.replace(path, Path(path).name)
        return text


def _has_label(reader: Reader, name: str) -> bool:
    try:
        return reader.describe(name).has_label
    except InputError:
        return False
