"""Crash tests kill real daemons of a private instance under load. POSTERN_BUILD names the build folder. Ten kills in all;
with POSTERN_LONG set 200 of each kind, as TESTCARD A1 and A2 ask (scripts/test-full crash)."""
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from failures import pytest_runtest_makereport  # noqa: E402, F401
from figures import say  # noqa: E402, F401
from lab import Instance  # noqa: E402

USERS = 20
LONG = bool(os.environ.get("POSTERN_LONG"))


@pytest.fixture(scope="session")
def kills():
    return int(os.environ.get("CRASH_KILLS", 200 if LONG else 5))


@pytest.fixture
def instance(tmp_path):
    running = Instance(tmp_path / "instance", users=USERS)
    running.start()
    yield running
    running.kill()
