"""TESTCARD B, and what of F and G is about load: the daemons under more than they can take. POSTERN_BUILD names the build
folder. Every load is bounded in connections and time; POSTERN_LONG=1 makes it as long as the card says. What was seen is
printed as a table at the end, each figure beside its limit."""
import contextlib
import os
import pathlib
import resource
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration"), str(HERE.parent / "crash")]

from failures import pytest_runtest_makereport  # noqa: E402, F401
from lab import Instance  # noqa: E402

LONG = bool(os.environ.get("POSTERN_LONG"))
FIGURES = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[FIGURES] = []
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash[FIGURES]
    width = max((len(what) for _, what, _, _ in rows), default=0)
    for row, what, value, limit in rows:
        terminalreporter.write_line(f"{row:4} {what:{width}}  {value:>12}  {limit}")


@pytest.fixture
def figure(request):
    """figure(row of the card, what, value, limit as text): a line of the table."""
    def note(row, what, value, limit=""):
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        request.config.stash[FIGURES].append((row, what, shown, limit))
        return value
    return note


@pytest.fixture
def seconds():
    """How long a load lasts: seconds(short, long)."""
    return lambda short, long: long if LONG else short


@pytest.fixture
def start(tmp_path):
    """start("section.key=value", ...): an instance with 40 accounts."""
    with contextlib.ExitStack() as stack:
        def started(*settings, launcher=()):
            instance = Instance(tmp_path / "instance", users=40, settings=settings, launcher=launcher)
            instance.start()
            stack.callback(instance.stop)
            return instance
        yield started
