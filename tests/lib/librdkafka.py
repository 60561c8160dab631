# SPDX-License-Identifier: MIT
"""librdkafka: the one of this machine, and a current one to run tickd with.

The current one comes out of a wheel of confluent-kafka, which pip fetches once into
build/librdkafka/<version>/. Where that cannot be, missing() says why.
"""

import fcntl
import glob
import os
import re
import shutil
import subprocess
import zipfile

from . import daemon
from .schema import ROOT

CURRENT = "2.16.1"    # the wheel's version; that of librdkafka in it is 2.16.0
_TARGET = os.path.join(ROOT, "build", "librdkafka", CURRENT)
_REASON_LENGTH = 400
# The first whose SCRAM brokers of Kafka 4 take.
_SCRAM_MENDED = (2, 6, 1)


def system_version():
    """The version tickd runs with on this machine, e.g. (2, 0, 2)."""
    said = daemon.run("--version").stdout
    return tuple(int(part) for part in re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", said).groups())


def can_scram():
    """True if this machine's librdkafka can do SCRAM with Kafka 4."""
    return system_version() >= _SCRAM_MENDED


def missing():
    """Fetches the current one if need be. Why it cannot be had, or None."""
    if os.path.isdir(_TARGET):
        return None
    os.makedirs(os.path.dirname(_TARGET), exist_ok=True)
    with open(_TARGET + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return None if os.path.isdir(_TARGET) else _fetch()


def environment():
    """What a process needs to run with the current one."""
    return {"LD_LIBRARY_PATH": _TARGET}


def _fetch():
    partial = _TARGET + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    done = subprocess.run(
        ["/usr/bin/python3", "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:",
         "--disable-pip-version-check", "-d", partial, f"confluent-kafka=={CURRENT}"], check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        return f"pip could not fetch confluent-kafka {CURRENT}: {done.stdout[-_REASON_LENGTH:]}"
    with zipfile.ZipFile(glob.glob(os.path.join(partial, "*.whl"))[0]) as wheel:
        for name in wheel.namelist():
            if re.search(r"\.libs/.*\.so", name):
                _extract(wheel, name, partial)
    os.rename(partial, _TARGET)
    return None


def _extract(wheel, name, directory):
    """Under its own name; librdkafka also under the one it is asked for by."""
    path = os.path.join(directory, os.path.basename(name))
    with wheel.open(name) as source, open(path, "wb") as file:
        shutil.copyfileobj(source, file)
    if os.path.basename(name).startswith("librdkafka"):
        os.symlink(os.path.basename(name), os.path.join(directory, "librdkafka.so.1"))
