"""Time from the start of the server to the first frame, and what a browser loads before it.

python tests/measure_page.py [CHECKOUT ...]: one line of JSON for each checkout (by default this one). Visits take
turns, so that a load from elsewhere meets all alike.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from chromium import started

ROUNDS = 5
PORT = 7990
# The prediction is drawn, or, in earlier versions, a picture in its panel is loaded.
SEGMENTED = """() => {
    const image = document.querySelector('#panel-prediction img');
    const canvas = document.querySelector('#viewer canvas');
    return canvas?.dataset.layer === 'prediction' || (image?.complete && image.naturalWidth);
}"""


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=30).status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def wait_for(url, began):
    while not answers(url):
        time.sleep(0.05)
    return time.perf_counter() - began


def visit(browser, url):
    """Seconds to first paint and to the first segmented frame, and megabytes as transferred until then."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    received, kinds = {}, {}
    network = context.new_cdp_session(tab)
    network.send("Network.enable")

    def on_data(event):
        received[event["requestId"]] = received.get(event["requestId"], 0) + event["encodedDataLength"]

    network.on("Network.dataReceived", on_data)
    network.on("Network.loadingFinished", lambda e: received.update({e["requestId"]: e["encodedDataLength"]}))
    network.on("Network.responseReceived", lambda e: kinds.update({e["requestId"]: e["response"]["url"]}))
    began = time.perf_counter()
    tab.goto(url, wait_until="commit")
    tab.wait_for_function(SEGMENTED, timeout=60_000)
    segmented = time.perf_counter() - began
    paint = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime") / 1000
    pictures = sum(size for key, size in received.items() if "/file=" in kinds.get(key, ""))
    if "--files" in sys.argv:
        for key, size in sorted(received.items(), key=lambda item: -item[1])[:25]:
            print(f"{size:>9} {kinds.get(key, '')[-110:]}", file=sys.stderr)
    context.close()
    return {
        "first paint s": paint,
        "first frame s": segmented,
        "loaded MB": sum(received.values()) / 1e6,
        "of which pictures MB": pictures / 1e6,
    }


def main():
    checkouts = [Path(path) for path in sys.argv[1:] if not path.startswith("--")] or [Path(__file__).parents[1]]
    with ExitStack() as stack:
        browser = stack.enter_context(started())
        urls, told = [], []
        for number, checkout in enumerate(checkouts):
            began = time.perf_counter()
            command = [sys.executable, "app.py", "--port", str(PORT + number)]
            server = subprocess.Popen(command, cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(server.kill)
            url = f"http://127.0.0.1:{PORT + number}/"
            up = wait_for(url, began)
            visit(browser, url)
            urls.append(url)
            told.append({"page up s": up, "start to first frame s": time.perf_counter() - began})
        rounds = [[visit(browser, url) for url in urls] for _ in range(ROUNDS)]
        for number, checkout in enumerate(checkouts):
            medians = {key: statistics.median(one[number][key] for one in rounds) for key in rounds[0][number]}
            figures = {key: round(value, 2) for key, value in (told[number] | medians).items()}
            print(json.dumps({"checkout": checkout.resolve().name, **figures}))


if __name__ == "__main__":
    main()
