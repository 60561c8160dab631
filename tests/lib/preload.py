# SPDX-License-Identifier: MIT
"""Libraries of the tests' own that are preloaded into a program (LD_PRELOAD)."""

import os
import subprocess

from .schema import ROOT


def build(scratch, name):
    """Compiles tests/<name>.c; returns the library's path."""
    path = os.path.join(scratch.dir(name), f"{name}.so")
    subprocess.run(["gcc", "-std=c17", "-O1", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", path,
                    os.path.join(ROOT, "tests", f"{name}.c")], check=True)
    return path
