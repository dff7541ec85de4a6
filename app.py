"""python app.py: the inspector of DeResUNet in the browser."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

from demo.deploy import zerogpu  # first of all: on ZeroGPU it must come before torch

# isort: split
from demo.api import check_mcp
from demo.data_sets import open_sources
from demo.inspector import MAX_PIXELS, Inspector, first_frame, samples
from demo.loading import start_network
from demo.networks import Checkpoints
from demo.page import build
from demo.server.health import health_of
from demo.server.memory import share_arena
from demo.serving import MAX_UPLOAD, Serving, accounts_from
from demo.theme import STYLE, theme
from deresunet import InputError
from deresunet.cli.options import NAMED_FILE, PredictionOptions, named_paths
from deresunet.data.labels import class_set_of
from deresunet.data.source import Source
from deresunet.errors import FrameWarning
from deresunet.inference.predictor import SegmentationPredictor, load


def main(arguments: list[str] | None = None) -> None:
    """Start to load the weights, build the page, and serve it until stopped."""
    options = _parser().parse_args(arguments)
    share_arena()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    warnings.simplefilter("ignore", FrameWarning)  # the page shows them
    # One line a request of the page's own traffic says nothing to whoever runs it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        serving = Serving(
            options.root_path,
            options.max_upload,
            accounts_from(),
            tuple(options.trusted_proxy),
            tuple(options.embed_in),
        )
        if options.mcp:
            check_mcp()
        source = Source(**{item.name: getattr(options, item.name) for item in fields(Source) if item.name != "root"})
        readers = open_sources(options.data, source) | samples()
        named: dict[str, SegmentationPredictor] = {
            name: zerogpu.predictor_for(load(file, options.device, options.backend, name=name))
            for name, file in named_paths("network", options.network, NAMED_FILE).items()
        }
        usual = class_set_of(next(iter(readers.values())))
        named |= PredictionOptions(options.predictions, options.prediction_labels).open(usual)
        chosen, *others = options.checkpoint or [None]
        zerogpu.check_weights(options.allow_checkpoint_upload)
        first = first_frame(readers)
        network = start_network(chosen, options.device, options.backend, readers[first.source].read(first.name))
        checkpoints = Checkpoints(network, others, options.device, options.backend, chosen, named)
        if zerogpu.HERE:
            checkpoints.load_all()
        inspector = Inspector(network, readers, checkpoints, options.max_pixels)
    except InputError as error:
        sys.exit(f"error: {error}")
    page = build(inspector, options.allow_checkpoint_upload, options.cache_dir)
    serving.serve(
        page,
        health_of(network),
        server_name=options.host,
        server_port=options.port,
        share=options.share,
        theme=theme(),
        css_paths=STYLE,
        ssr_mode=False,
        mcp_server=options.mcp or None,  # None leaves it to the platform's variable
        footer_links=["api"],
    )
    if not zerogpu.HERE:
        try:
            inspector.open(first)  # the one that most visitors see
        except InputError as error:
            page.close()
            sys.exit(f"error: {error}")
    page.block_thread()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Inspect what DeResUNet sees in indoor RGB-D frames, in the browser.",
        epilog="DERESUNET_AUTH in the environment, NAME:PASSWORD a line, lets only those in.",
    )
    parser.add_argument("--port", type=int, help="port to serve at (default: the first free one from 7860)")
    parser.add_argument("--host", help="address to serve at (default: 127.0.0.1; 0.0.0.0 serves other machines, too)")
    parser.add_argument(
        "--checkpoint",
        action="append",
        help="weights (.safetensors, .ckpt) or a model's name (default: the bundled ones); repeat it to compare",
    )
    parser.add_argument(
        "--network",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="network of any project: .onnx, .pt2, .safetensors or .ckpt; what it takes is recognised, or said in "
        "network.yaml beside it; repeat it for others",
    )
    parser.add_argument(
        "--allow-checkpoint-upload", action="store_true", help="let visitors compare weights of their own"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, mps, cuda or cuda:N (default: auto)")
    parser.add_argument(
        "--backend",
        default="auto",
        metavar="auto|eager|NAME",
        help="how the network runs: auto is the fastest that keeps the labels here, eager PyTorch's in float32",
    )
    parser.add_argument("--share", action="store_true", help="make a public link through Gradio's relay")
    parser.add_argument("--root-path", help="path or URL that a reverse proxy serves the page at, such as /rooms")
    parser.add_argument(
        "--trusted-proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="address or network of a reverse proxy whose X-Forwarded headers are believed; repeat it for others",
    )
    parser.add_argument(
        "--embed-in",
        action="append",
        default=os.environ.get("DERESUNET_EMBED_IN", "").split(),
        metavar="ORIGIN",
        help="origin of a page that may embed this one, such as https://example.org; repeat it for others "
        "(default: those in DERESUNET_EMBED_IN, which a Space's settings can hold)",
    )
    parser.add_argument("--cache-dir", type=Path, help="folder that keeps evaluations (default: in Gradio's cache)")
    parser.add_argument(
        "--max-pixels", type=int, default=MAX_PIXELS, help=f"pixels of the largest frame taken (default: {MAX_PIXELS})"
    )
    parser.add_argument("--max-upload", default=MAX_UPLOAD, help=f"largest file that is taken (default: {MAX_UPLOAD})")
    parser.add_argument(
        "--predictions",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="stored predictions of another network, NAME.png a frame, used like weights; repeat it for others",
    )
    parser.add_argument(
        "--prediction-labels",
        default="auto",
        metavar="auto|SET|SET@0|SET@1|1..37|0..36",
        help="what class numbers in --predictions count: a class set (nyu40, a file of names, ...), from 0 or from 1 "
        "(default: recognised)",
    )
    parser.add_argument(
        "--mcp", action="store_true", help="let assistants call the page's functions (Model Context Protocol)"
    )
    data = parser.add_argument_group("data sets of your own")
    data.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="DIR",
        help="a data set, whose layout is recognised by looking; repeat it for others",
    )
    for item in fields(Source):
        if item.name == "root":
            continue
        choices = get_args(get_type_hints(Source)[item.name])
        data.add_argument(
            f"--{item.name.replace('_', '-')}",
            default=item.default,
            type=int if choices[:1] == (int,) else str,
            choices=choices if choices and all(isinstance(one, str) for one in choices) else None,
            metavar=item.metadata["metavar"],
            help=item.metadata["help"].replace("%", "%%"),
        )
    return parser


if __name__ == "__main__":
    main()
