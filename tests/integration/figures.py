"""A fixture for every conftest.py whose tests measure or count."""
import pytest


@pytest.fixture
def say(capsys):
    """Figures belong into the result, whether the test fails or not."""
    def line(text):
        with capsys.disabled():
            print(f"\n{text}", end="", flush=True)
    return line
