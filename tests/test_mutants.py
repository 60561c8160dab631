# SPDX-License-Identifier: MIT
"""The planted bugs of `make mutants` still fit the code, and those who look for them tell the truth."""

import os
import subprocess

from lib.schema import ROOT

MUTANTS = os.path.join(ROOT, "scripts", "mutants")


def fits(*names):
    return subprocess.run([MUTANTS, "--fits", *names], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def test_every_patch_fits_and_compiles():
    done = fits()
    assert done.returncode == 0, done.stdout


def test_patch_that_fits_no_more_is_named():
    done = fits("fence_removed", "no_such_patch")
    assert done.returncode == 2
    assert "MISFIT   no_such_patch" in done.stdout and "1 of 2 patches fit" in done.stdout
