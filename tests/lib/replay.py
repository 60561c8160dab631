# SPDX-License-Identifier: MIT
"""tickreplay as the tests of verify and measure use it: run to its end, with its JSON."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field

from . import programs
from .daemon import environment
from .schema import ROOT
from .wait import DEADLINE_S

SAMPLE = os.path.join(ROOT, "tests", "data", "replay", "sample.tsv.gz")
SAMPLE_MESSAGES = 5000

DONE, TROUBLE, USAGE = 0, 1, 2

_SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error:")


@dataclass
class Ended:
    """A run that has come to its end; found is what it wrote with --json."""

    code: int
    out: str
    err: str
    found: dict = field(default_factory=dict)


def run(*arguments, json_to=None, timeout=DEADLINE_S * 3):
    """Runs tickreplay. json_to: a path for --json, whose contents are read back."""
    argv = [programs.path("tickreplay"), str(arguments[0])]
    if json_to:
        if os.path.exists(json_to):
            os.unlink(json_to)
        argv += ["--json", json_to]
    done = subprocess.run([*argv, *map(str, arguments[1:])], stdin=subprocess.DEVNULL,
                          env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, check=False, text=True, errors="replace")
    assert not _SANITIZER.search(done.stderr), done.stderr
    ended = Ended(done.returncode, done.stdout, done.stderr)
    if json_to and os.path.exists(json_to):
        with open(json_to, encoding="utf-8") as file:
            ended.found = json.load(file)
    return ended
