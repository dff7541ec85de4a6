"""The page's blocks with one guard around every event: whatever goes wrong is said in words."""

from __future__ import annotations

import html
import logging
from typing import Any

import anyio
import gradio as gr
import httpx
from gradio.context import LocalContext

from demo.inspection import Kept
from demo.server.values import check_selection, check_states, check_value, hints_of
from demo.server.waiting import FairQueue
from deresunet.errors import InputError, is_full_disk

log = logging.getLogger(__name__)
# How Gradio's errors begin where an address is private, or answers with an error.
_NOT_FETCHED = ("Hostname ", "Failed to download file")


class GuardedBlocks(gr.Blocks):
    """Blocks whose events end in an answer or in an error in words, also where Gradio itself refuses a value.

    Handlers get the result that a `Kept` stands for, and waiting jobs stand in a `FairQueue`.
    """

    def queue(self, *args: Any, **options: Any) -> GuardedBlocks:
        """Set up the queue as `gr.Blocks` does, with fair turns between visitors."""
        super().queue(*args, **options)
        self._queue = FairQueue.of(self._queue)
        return self

    async def process_api(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Run an event as `gr.Blocks` does.

        Raises:
            gr.Error: whatever fails, in words for the visitor.
        """
        try:
            return await super().process_api(*args, **options)
        except gr.Error:
            raise
        except InputError as error:
            raise gr.Error(html.escape(str(error)), print_exception=False) from error
        except Exception as error:
            log.warning("an event failed", exc_info=error)
            raise gr.Error(_words(error), print_exception=False) from error

    async def preprocess_data(self, block_fn: Any, *args: Any, **options: Any) -> list[Any]:
        """Preprocess an event's values, and refuse those that its components never send.

        Raises:
            gr.Error: with the reason, escaped, since clients show errors as HTML.
        """
        try:
            values: list[Any] = await super().preprocess_data(block_fn, *args, **options)
            for component, value in zip(block_fn.inputs, values, strict=True):
                check_value(component, value)
            check_states(block_fn.fn, block_fn.inputs, values)
        except (gr.Error, InputError) as error:
            raise gr.Error(html.escape(str(error)), print_exception=False) from error
        except Exception as error:
            if _fault_of_server(error):
                raise
            # Whatever Gradio's components raise of a value is the value's fault, and no fault to look into.
            log.info("%s was asked with values that do not fit (%s)", block_fn.name, type(error).__name__)
            raise gr.Error(_words(error), print_exception=False) from error
        return values

    async def call_function(
        self,
        block_fn: Any,
        processed_input: list[Any],
        iterator: Any = None,
        requests: Any = None,
        event_id: str | None = None,
        event_data: gr.EventData | None = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """Call an event's handler with results instead of the `Kept` that stand for them."""
        if gr.SelectData in hints_of(block_fn.fn).values():
            targets = [self.blocks[target] for target, _ in block_fn.targets if target in self.blocks]
            check_selection(targets, None if event_data is None else event_data._data)
        # What is run again for a `Kept` that went is asked for by this visitor, whom ZeroGPU charges.
        LocalContext.request.set(requests[0] if isinstance(requests, list) else requests)
        values = [
            await anyio.to_thread.run_sync(value.get, limiter=self.limiter) if isinstance(value, Kept) else value
            for value in processed_input
        ]
        return await super().call_function(block_fn, values, iterator, requests, event_id, event_data, *args, **options)


def _causes(error: BaseException) -> list[BaseException]:
    """An error and what it came from: Gradio wraps what its components raise into an error of its own."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    return causes


def _fault_of_server(error: Exception) -> bool:
    return any(isinstance(cause, MemoryError | OSError | httpx.HTTPError) for cause in _causes(error))


def _words(error: Exception) -> str:
    causes = _causes(error)
    if any(isinstance(cause, MemoryError) for cause in causes):
        return "The server has not enough memory for this just now. Try again later, or with a smaller frame."
    if any(is_full_disk(cause) for cause in causes):
        return "The server's disk is full, so nothing was kept. Try again later, or tell its operator."
    if any(isinstance(cause, httpx.HTTPError) or str(cause).startswith(_NOT_FETCHED) for cause in causes):
        return "A file could not be fetched from its address. Give a public http or https address, or upload the file."
    if any(isinstance(cause, OSError) for cause in causes):
        return f"The server could not read or write a file ({type(error).__name__}). Upload it again, or try later."
    return (
        f"The values of this request do not fit the page ({type(error).__name__}). "
        "Reload it and try again; programs find what is expected under /?view=api."
    )
