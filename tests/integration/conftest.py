"""One private instance of the whole suite for all integration tests, through scripts/lab: its own directory, ports and
users. POSTERN_BUILD names the build folder (build/release, else build/dev)."""
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TESTDATA = ROOT.parent / "shared" / "testdata"
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from failures import pytest_runtest_makereport  # noqa: E402, F401
from figures import say  # noqa: E402, F401
from certificates import Certificate  # noqa: E402
from dns_server import DnsServer  # noqa: E402
from lab import Instance  # noqa: E402


@pytest.fixture(scope="session")
def instance(tmp_path_factory):
    """Accounts u0001@lab.test to u0200@lab.test. POSTERN_INSTANCE=DIR takes one that scripts/lab runs already there."""
    given = os.environ.get("POSTERN_INSTANCE")
    running = Instance(given or tmp_path_factory.mktemp("instance"), users=200)
    if given:
        running.join()
    else:
        running.start()
    yield running
    if not given:
        running.stop()


@pytest.fixture(scope="module")
def dns():
    with DnsServer() as server:
        yield server


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Who vouches for the servers of a module."""
    return Certificate(tmp_path_factory.mktemp("authority"), is_authority=True)


@pytest.fixture
def user(instance):
    """An account that no other test uses."""
    return instance.fresh_user()


@pytest.fixture
def other(instance):
    return instance.fresh_user()
