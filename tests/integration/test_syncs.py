"""TESTCARD A9: how many flushes a message costs, counted by strace; none would mean an unkept promise."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from lab import ROOT, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("strace"), reason="needs root and strace")

MESSAGES = 100
MAILBOXES = 20


class Strace:
    """Counts flushes of all processes of the instance."""

    def __init__(self, instance, directory):
        self.out = directory / "strace"
        pids = [pid for pids in instance.processes().values() for pid in pids]
        words = ["strace", "-f", "-q", "-e", "trace=fsync,fdatasync,sync_file_range,syncfs,sync,msync", "-o", self.out]
        for pid in pids:
            words += ["-p", str(pid)]
        self.process = subprocess.Popen([str(word) for word in words], stderr=subprocess.PIPE)
        wait_for(lambda: all("TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text() for pid in pids),
                 "strace to attach")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        return len(re.findall(r"^\d+ +(?:fsync|fdatasync|sync_file_range|syncfs|sync|msync)\(", self.out.read_text(), re.M))


@pytest.fixture(scope="module")
def load_tool(tmp_path_factory):
    """../shared/bench/smtp_load.c: one connection per message, as many at once as asked."""
    tool = tmp_path_factory.mktemp("tool") / "smtp_load"
    source = ROOT.parent / "shared" / "bench" / "smtp_load.c"
    subprocess.run(["cc", "-O2", "-o", str(tool), str(source), "-lssl", "-lcrypto"], check=True)
    return tool


def load(instance, tool, at_once, count):
    subprocess.run([str(tool), "-h", "127.0.0.1", "-p", str(instance.port("smtp")), "-s", str(at_once), "-m", str(count),
                    "-l", "4096", "-u", str(MAILBOXES), "-D", "lab.test"], check=True, capture_output=True)
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 60)


@pytest.mark.parametrize("at_once, most", [(1, 2.0), (50, 0.5)])
def test_a9_flushes_per_message(instance, load_tool, tmp_path, at_once, most):
    load(instance, load_tool, MAILBOXES, MAILBOXES)      # a mailbox's first message makes its index
    strace = Strace(instance, tmp_path)
    count = MESSAGES if at_once == 1 else 10 * MESSAGES
    load(instance, load_tool, at_once, count)
    flushes = strace.stop()
    assert 0 < flushes <= most * count
