# SPDX-License-Identifier: MIT
"""Runs the unit tests: programs made with check, one a module, as they are and under valgrind."""

import glob
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from . import programs
from .daemon import environment
from .schema import ROOT

_TOTALS = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.MULTILINE)
# One process per test, so that each starts clean; check's 4 s are for an idle, naked machine.
_CHECK = {"CK_FORK": "yes", "CK_VERBOSITY": "normal", "CK_TIMEOUT_MULTIPLIER": "20"}
# valgrind looks for leaks at the end of each process, which takes longer than most tests, and translates
# each process anew: there all of a program run in one, but of those whose tests end it, or begin with what
# is static as it was.
_NEED_FORKS = frozenset(("test_api", "test_config", "test_dburl", "test_err", "test_log", "test_metrics",
                         "test_ready"))
_VALGRIND = ("valgrind", "-q", "--vgdb=no", "--error-exitcode=99", "--leak-check=full",
             "--errors-for-leak-kinds=definite,indirect,possible")
_TIMEOUT_S = 1200
# Tests of Kafka's clients mostly wait, for groups above all: the cases of such a program run side by side.
_CASE = re.compile(r'bed_case\(s, "(\w+)"')


def names():
    """The unit tests there are: one per tests/test_*.c, as in tests/unit.mk."""
    return sorted(os.path.basename(path)[:-2]
                  for path in glob.glob(os.path.join(ROOT, "tests", "test_*.c")))


def unit_dir():
    """The programs to run as they are, usually with sanitizers: $TICKD_UNIT_DIR."""
    return _dir("TICKD_UNIT_DIR", os.path.join(ROOT, "build", "asan", "tests"))


def valgrind_dir():
    """The programs to run under valgrind, which must be without sanitizers: $TICKD_VALGRIND_DIR."""
    return _dir("TICKD_VALGRIND_DIR", os.path.join(programs.build_dir(), "tests"))


def _dir(variable, default):
    return os.path.abspath(os.environ.get(variable) or default)


def valgrind_missing():
    return None if shutil.which("valgrind") else "no valgrind"


def _cases(path):
    """Those that may run side by side, by their names in the source; none for what runs as a whole."""
    source = os.path.join(ROOT, "tests", os.path.basename(path) + ".c")
    if not os.path.exists(source):
        return []
    with open(source, encoding="utf-8") as file:
        return _CASE.findall(file.read())


def run(path, prefix=(), **more):
    """Runs one program to its end; fails with its output unless all its checks passed."""
    assert os.access(path, os.X_OK), f"{path} is not built: make unit-tests, or set TICKD_UNIT_DIR"
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(_run, path, prefix, {**_CHECK, **more, **case})
                for case in [{"CK_RUN_CASE": name} for name in _cases(path)] or [{}]]
    return sum(each.result() for each in runs)


def _run(path, prefix, env):
    done = subprocess.run([*prefix, path], cwd=ROOT, env=environment(env), check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=_TIMEOUT_S)
    output = done.stdout.decode("utf-8", "replace")
    totals = _TOTALS.search(output)
    verdict = totals[0] if totals else "no totals: it did not get to its end"
    assert done.returncode == 0, f"exit {done.returncode}, {verdict}\n{output}"
    assert totals and int(totals[1]) > 0, f"no check was run\n{output}"
    return int(totals[1])


def run_valgrind(path):
    """The same under valgrind; an error or a leak in any test fails."""
    return run(path, _VALGRIND, CK_FORK="yes" if os.path.basename(path) in _NEED_FORKS else "no")
