# SPDX-License-Identifier: MIT
"""Headless Chromium, driven over its DevTools protocol through a pipe: no port, no package in between."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
import urllib.parse

from . import proc
from .daemon import environment
from .wait import DEADLINE_S, wait_until

# It reads commands from descriptor 3 and writes answers to 4.
_SHELL = 'exec "$@" 3<&0 4>&1 0</dev/null 1>&2'
_OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")


def missing():
    """Why there is no browser on this machine, or None."""
    return None if _program() else "there is no chromium"


def _program():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    return None


class BrowserError(AssertionError):
    """Chromium has ended, does not answer, or a script in the page failed."""


class Browser:
    """Owns one Chromium with a profile of its own."""

    def __init__(self, scratch):
        home = scratch.dir("chromium")
        self._child = proc.Child(
            ["sh", "-c", _SHELL, "sh", _program(), *_OPTIONS, f"--user-data-dir={home}/profile",
             "about:blank"],
            log=os.path.join(home, "log"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**environment(), "HOME": home, "XDG_RUNTIME_DIR": home}, name="chromium")
        self._unread = b""
        self._id = 0
        self._pages = {}

    def new_page(self, **more):
        """An empty one (Page)."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self._pages[session] = page = Page(self, session, target, **more)
        page.begin()
        return page

    @property
    def pages(self):
        return list(self._pages.values())

    def call(self, method, params=None, session=None):
        """Runs one command and returns its result."""
        self._id += 1
        number = self._id
        message = {"id": number, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        self._child.popen.stdin.write(json.dumps(message).encode() + b"\0")
        self._child.popen.stdin.flush()
        while True:
            answer = self._read()
            if answer.get("id") != number:
                self._take_event(answer)
            elif "error" in answer:
                raise BrowserError(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def _read(self):
        pipe = self._child.popen.stdout
        end = time.monotonic() + DEADLINE_S
        while b"\0" not in self._unread:
            ready, _, _ = select.select([pipe], [], [], max(0, end - time.monotonic()))
            data = os.read(pipe.fileno(), 1 << 20) if ready else b""
            if not data:
                raise BrowserError(f"Chromium says nothing\n{proc.tail(self._child.log)}")
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\0")
        return json.loads(line)

    def _take_event(self, event):
        page = self._pages.get(event.get("sessionId"))
        if page:
            page.take_event(event["method"], event["params"])

    def close(self):
        self._child.kill()
        self._child.popen.stdin.close()
        self._child.popen.stdout.close()


class Page:
    """One tab. `origin` is whose page it shows, `requests` has the addresses asked for, `problems` what the console complained about,
    `network` the requests that failed."""

    def __init__(self, browser, session, target):
        self._browser = browser
        self._session = session
        self._target = target
        self._paused = []
        self.origin = None
        self.requests, self.problems, self.network = [], [], []

    def begin(self):
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Performance.enable", timeDomain="threadTicks")
        self.resize(1280, 900)

    def call(self, method, **params):
        return self._browser.call(method, params, self._session)

    def take_event(self, method, params):
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Fetch.requestPaused":
            self._paused.append(params["requestId"])
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(str([each.get("value") for each in params["args"]]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            entry = params["entry"]
            into = self.network if entry["source"] == "network" else self.problems
            into.append(entry["text"])

    def go(self, address):
        """Opens it and waits until it is loaded."""
        self.origin = urllib.parse.urljoin(address, "/")
        found = self.call("Page.navigate", url=address)
        if found.get("errorText"):
            raise BrowserError(f"{address}: {found['errorText']}")
        wait_until(lambda: self.run("document.readyState") == "complete" and
                   self.run("location.href").startswith(address), f"{address} to be loaded")

    def run(self, script):
        """The value of a JavaScript expression; of a promise, what comes of it."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return found["result"].get("value")

    def cpu_s(self):
        """What its main thread has worked since it was opened: CPU time, the same on a busy machine."""
        found = self.call("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in found if each["name"] == "TaskDuration")

    def text(self, selector):
        """What can be read in the first element of that kind; None if there is none."""
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText")

    def texts(self, selector):
        return self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.innerText)")

    def wait(self, script, what, **more):
        """Waits until the expression is true, and returns its value."""
        return wait_until(lambda: self.run(script), what, **more)

    def show(self):
        """Brings it to the front: the others are hidden."""
        self._browser.call("Target.activateTarget", {"targetId": self._target})

    def answer_next(self, path, body):
        """The next request for that path gets this body; waits for it."""
        self._paused.clear()
        self.call("Fetch.enable", patterns=[{"urlPattern": "*" + path}])
        wait_until(lambda: self.run("true") and self._paused, f"a request for {path}")
        self.call("Fetch.fulfillRequest", requestId=self._paused.pop(), responseCode=200,
                  body=base64.b64encode(body).decode())
        self.call("Fetch.disable")

    def press(self, key, code=None, text=None):
        """A key by its name, as a user hits it."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        number = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else text)
        event = {"key": key, "code": code or key, "windowsVirtualKeyCode": number}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def resize(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=mobile)

    def prefer(self, scheme):
        """light or dark."""
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        """The whole page, as PNG."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(found["data"]))
