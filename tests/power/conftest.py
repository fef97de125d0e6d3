"""Loss of power, TESTCARD A3 and A4. Root, a FUSE device and loop devices are needed: scripts/test-full power runs this in
a namespace of its own, so that mounts, loop devices and processes go with it however it ends."""
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "crash"), str(HERE.parent / "integration")]

from disk import LoggedDisk, kernel_knows, missing  # noqa: E402
from figures import say  # noqa: E402, F401


def pytest_sessionstart(session):
    if why := missing():
        pytest.exit(f"no power can be cut here: {why}", returncode=3)


@pytest.fixture
def disk(tmp_path, kind):
    if not kernel_knows(kind):
        pytest.skip(f"this kernel has no {kind}")
    with LoggedDisk(tmp_path, kind) as disk:
        yield disk
