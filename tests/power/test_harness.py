"""The harness first: it must show the loss of a writer that does not flush, and none of one that does."""
import os
import random

import pytest
from disk import MAKE, run

MESSAGES = 20


def write_message(directory, number, flush_file, flush_directory):
    """As a delivery does it: written under another name, renamed when whole."""
    unfinished, final = directory / f".{number}", directory / str(number)
    with open(unfinished, "wb") as file:
        file.write(text(number))
        file.flush()
        if flush_file:
            os.fsync(file.fileno())
    os.rename(unfinished, final)
    if flush_directory:
        at = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(at)
        os.close(at)


def text(number):
    return f"message {number}\n".encode() * 500


def lost(directory, number):
    path = directory / str(number)
    return not path.exists() or path.read_bytes() != text(number)


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("writer, flush_file, flush_directory",
                         [("nothing flushed", False, False), ("file flushed, its name not", True, False),
                          ("file and name flushed", True, True)])
def test_a_toy_writer(disk, say, writer, flush_file, flush_directory):
    places = []
    run("sync", "-f", disk.mount)
    for number in range(MESSAGES):
        write_message(disk.mount, number, flush_file, flush_directory)
        places.append(disk.place())
    disk.unmount()
    gone = {"flushed only": 0, "and some of the rest": 0}
    for number, place in enumerate(places):
        for what, dice in (("flushed only", None), ("and some of the rest", random.Random(number))):
            with disk.after_cut(place, dice) as directory:
                gone[what] += sum(lost(directory, earlier) for earlier in range(number + 1)) > 0
    say(f"{disk.kind}, {writer}: cuts that lost something: "
        + ", ".join(f"{cuts} of {MESSAGES} ({what})" for what, cuts in gone.items()))
    if flush_directory:
        assert not any(gone.values())
    elif not flush_file:
        assert gone["flushed only"] == MESSAGES
