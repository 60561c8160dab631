# SPDX-License-Identifier: MIT
"""GET /metrics as Prometheus does it: beside a drain, and what one costs the daemon."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from .bed import Wrong
from .cpu import process_s

_ACCEPT = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
           "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
_EVERY_S = 1.0
_SCRAPES = 10
# tickd answers with the same document for a quarter of a second; all the scrapes together must also
# be as likely as the pauses to meet what tickd does once a second.
_APART_S = 0.3


def scrape(web):
    reply = web.get("/metrics", Accept=_ACCEPT)
    if reply.status != 200:
        raise Wrong(f"GET /metrics: {reply.status}")


@contextlib.contextmanager
def every_second(web):
    """Scrapes from now on to the end of the block, which fails if a scrape did."""
    over = threading.Event()

    def run():
        scrape(web)
        while not over.wait(_EVERY_S):
            scrape(web)

    with ThreadPoolExecutor(1) as pool:
        scraper = pool.submit(run)
        try:
            yield
        finally:
            over.set()
        scraper.result()


def cost_s(pid, web):
    """CPU seconds a scrape takes of a daemon that has nothing else to do, by and by.

    Pauses with a scrape and pauses without alternate: what it does at rest is in both.
    """
    used = {True: 0.0, False: 0.0}
    for _ in range(_SCRAPES):
        for scraped in used:
            before = process_s(pid)
            if scraped:
                scrape(web)
            time.sleep(_APART_S)
            used[scraped] += process_s(pid) - before
    return (used[True] - used[False]) / _SCRAPES
