"""A hook of pytest for every conftest.py whose tests run an `instance`."""
import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the daemons said meanwhile."""
    outcome = yield
    report = outcome.get_result()
    running = item.funcargs.get("instance") if report.failed else None
    if running:
        report.sections.append(("postern log, its end", running.log_tail()))
