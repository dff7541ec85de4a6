"""Evaluations asked for on the page: one job for each run, one at a time, followed by any number of visitors."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

import gradio as gr
import numpy as np
from gradio.context import LocalContext
from gradio.utils import get_upload_folder

from demo.dataset.progress import Job, Progress, Run
from demo.dataset.result import DatasetResult
from demo.dataset.store import LIMIT_BYTES, EvaluationStore, RunFolder
from demo.deploy import zerogpu
from demo.inspection import Cache
from demo.networks import Checkpoints
from deresunet.classes import ClassSet
from deresunet.data.fingerprint import contents_fingerprint
from deresunet.data.frame import Frame
from deresunet.data.labels import class_set_of
from deresunet.data.passes import Failure
from deresunet.data.readers import Reader
from deresunet.data.sunrgbd.reader import SunRgbdReader
from deresunet.errors import InputError
from deresunet.evaluation.evaluator import StoppedError, describe_protocol, evaluate
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
# A run that no page has asked about for so long makes room for one that waits. Browsers let a page in the background
# ask once a minute.
UNWATCHED_S = 180.0
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
        self._jobs: dict[Run, Job] = {}
        self._lock, self._turn = threading.Lock(), threading.Lock()  # of what is known of jobs; of the running one
        self._results: Cache[DatasetResult] = Cache(KEPT_BYTES, lambda one: one.nbytes)
        self._failures: dict[Run, str] = {}
        self._fingerprints: dict[str, tuple[float, str]] = {}
        self._labelled: dict[str, bool] = {}

    def start(self, run: Run, visitor: str, anew: bool = False) -> None:
        """Start, resume or join the evaluation of `run`; it waits while another one is running.

        Args:
            run: its settings.
            visitor: who asks.
            anew: discard the results that are there.

        Raises:
            InputError: there is no such data set.
        """
        folder, total = self.run_folder(run), len(self.reader(run).names)
        with self._lock:
            self._failures.pop(run, None)
            job = self._jobs.get(run)
            if job is None or job.stop.is_set():
                if anew and job is None:
                    folder.clear()
                if folder.finished:
                    return
                job = self._jobs[run] = Job(run, total, folder.frames_done())
                # A daemon, so that the server can end; the resume file has the frames done. In the visitor's context,
                # in which ZeroGPU finds whom to charge.
                context = contextvars.copy_context()
                threading.Thread(target=context.run, args=(self._work, job, folder), daemon=True).start()
            job.watch(visitor)

    def cancel(self, run: Run, visitor: str) -> None:
        """Stop running it for `visitor`; it ends after the current frame when nobody else follows it."""
        with self._lock:
            job = self._jobs.get(run)
            if job is not None:
                job.watchers.discard(visitor)
                if not job.watchers:
                    job.stop.set()
                    if not job.running:
                        del self._jobs[run]

    def progress(self, run: Run, visitor: str = "") -> Progress:
        """How far the evaluation of `run` is; a visitor who follows it is noted as being there.

        Raises:
            InputError: there is no such data set.
        """
        folder, total = self.run_folder(run), len(self.reader(run).names)
        with self._lock:
            job = self._jobs.get(run)
            elsewhere = next((str(one) for one in self._jobs.values() if one.running and one is not job), "")
            failure = self._failures.get(run, "")
            if job is not None:
                if visitor in job.watchers:
                    job.watch(visitor)
                state, following = "running" if job.running else "waiting", visitor in job.watchers
                known = job.done, job.total, job.miou, job.seconds_left, following, job.stop.is_set(), elsewhere
                return Progress(state, *known)  # type: ignore[arg-type]
        if folder.finished:
            return Progress("done", total, total, elsewhere=elsewhere)
        done = folder.frames_done()
        return Progress("partial" if done else "new", done, total, elsewhere=elsewhere, failure=failure)

    def result(self, run: Run) -> DatasetResult:
        """Result of a finished evaluation.

        Raises:
            InputError: it is not finished.
        """
        folder = self.run_folder(run)
        if not folder.finished:
            raise InputError(f"{run}: this evaluation is not finished. Start or resume it.")

        def load() -> DatasetResult:
            with ResumeFile(folder.resume, folder.subject) as resume:
                return self._evaluate(run, folder, resume, folder.notices)

        return self._results.get((folder.folder, folder.finished_at), load)

    def run(self, source: str, modality: Modality, weights: str | None) -> Run:
        """Settings of an evaluation as the page's controls have them."""
        return Run(source, modality, "" if weights in (None, self.checkpoints.first_name) else str(weights))

    def name(self, run: Run) -> str:
        """Name of the run for people, with its weights."""
        return replace(run, weights=run.weights or self.checkpoints.first_name).name

    def finished(self, source: str) -> list[Run]:
        """Finished runs over a data set by weights and predictions that are on offer, the latest first.

        Raises:
            InputError: there is no such data set.
        """
        found = []
        for settings in self._store.finished(self._fingerprint(source)):
            weights, modality = settings.get("weights", ""), settings.get("modality", "")
            if modality in get_args(Modality) and weights in ("", *self.checkpoints.names):
                found.append(Run(source, modality, weights))  # type: ignore[arg-type]
        return list(dict.fromkeys(found))

    def run_folder(self, run: Run) -> RunFolder:
        """Folder of a run.

        Raises:
            InputError: there is no such data set, or there are no such weights.
        """
        reader, segmenter = self.reader(run), self.segmenter(run)
        origin, classes = segmenter.provenance(run.modality), class_set_of(reader)
        return self._store.run_folder(
            {
                "data": self._fingerprint(run.source),
                "metrics": METRICS_VERSION,
                "weights": origin.sha256 or origin.weights,
                "backend": origin.backend,  # another rounding moves a pixel here and there
                "protocol": describe_protocol(segmenter, classes),
                "classes": classes.to_dict(),
                "modality": run.modality,
                "arithmetic": f"{origin.precision} on {origin.device}",
            }
        )

    def segmenter(self, run: Run) -> SegmentationPredictor:
        """Predictor of the frames of `run`, as `python -m deresunet evaluate` runs it."""
        size = SUNRGBD_SIZE if isinstance(self.reader(run), SunRgbdReader) else None  # as --protocol auto
        return self.checkpoints.get(run.weights or None).with_inference(Inference(size))

    def reader(self, run: Run) -> Reader:
        """The data set of `run`."""
        return self._reader(run.source)

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

    def _reader(self, source: str) -> Reader:
        if source not in self.readers:
            raise InputError(f"There is no data set {source!r}. Choose one of: {', '.join(self.readers)}.")
        return self.readers[source]

    def _fingerprint(self, source: str) -> str:
        """Fingerprint of a data set's files, looked at anew every few seconds: a run over other files is another."""
        checked, known = self._fingerprints.get(source, (-FINGERPRINT_SECONDS, ""))
        if time.monotonic() - checked >= FINGERPRINT_SECONDS:
            known = contents_fingerprint(self._reader(source))
            self._fingerprints[source] = (time.monotonic(), known)
        return known

    def _work(self, job: Job, folder: RunFolder) -> None:
        failure = ""
        try:
            with self._turn:
                if job.stop.is_set():
                    raise StoppedError
                job.running = True
                self.reader(job.run).check()
                self._store.make_room(folder)
                with folder.held(), ResumeFile(folder.resume, folder.subject) as resume:
                    job.done = resume.resumed
                    sideways: tuple[str, ...] = ()
                    if not zerogpu.HERE:  # there its many small calls would each be charged to the visitor
                        sideways = notice_if_sideways(self.segmenter(job.run), self.reader(job.run), job.run.modality)
                    result = self._evaluate(job.run, folder, resume, sideways, job)
                    folder.finish({**vars(job.run)}, sideways)
                self._results.get((folder.folder, folder.finished_at), lambda: result)
        except StoppedError:
            pass
        except InputError as error:
            failure = str(error)
        except gr.Error as error:  # ZeroGPU's: it says what the visitor can do
            failure = f"{error.message} The frames done are kept: resume it later."
        except Exception as error:
            log.exception("the evaluation of %s broke off", job.run)
            failure = f"The evaluation broke off ({type(error).__name__}); the server's log says more."
        finally:
            with self._lock:
                if failure:
                    self._failures[job.run] = self._without_paths(job.run, failure)
                if self._jobs.get(job.run) is job:
                    del self._jobs[job.run]

    def _evaluate(
        self, run: Run, folder: RunFolder, resume: ResumeFile, noticed: tuple[str, ...], job: Job | None = None
    ) -> DatasetResult:
        began, before = time.perf_counter(), resume.resumed

        def on_frame(done: int, frame: Frame, label: np.ndarray, matrix: np.ndarray) -> None:
            if job is None:
                return
            LocalContext.request.set(job.asked)  # its token for ZeroGPU lasts for a while only
            seconds = (time.perf_counter() - began) / max(done - before, 1)
            job.done, job.miou, job.seconds_left = done, scores(matrix).miou, seconds * (job.total - done)
            if len(self._jobs) > 1 and time.monotonic() - job.seen > UNWATCHED_S:
                job.stop.set()
            if job.stop.is_set():
                raise StoppedError

        evaluation = evaluate(
            self.segmenter(run),
            self.reader(run),
            run.modality,
            on_frame=on_frame,
            keep_label=folder.keep_label,
            on_error="skip",
            workers=1,  # reads the next frame while this one is run, and leaves the other cores to visitors
            resume=resume,
            stop=None if job is None else job.stop,
        )
        failed = tuple(Failure(one.name, self._without_paths(run, one.error)) for one in evaluation.failed)
        evaluation = replace(evaluation, failed=failed, notices=(*evaluation.notices, *noticed))
        return DatasetResult(evaluation, run.source, run.modality)

    def _without_paths(self, run: Run, text: str) -> str:
        """Remove paths on the server from a message, which goes to visitors and into reports."""
        for folder in (getattr(self._reader(run.source), "root", None), self._store.folder):
            for path in () if folder is None else {str(folder), str(Path(folder).resolve())}:
                text = text.replace(path, Path(path).name)
        return text


def _has_label(reader: Reader, name: str) -> bool:
    try:
        return reader.describe(name).has_label
    except InputError:
        return False
