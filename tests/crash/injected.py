"""strace as the one that makes system calls fail, kills at them, or only says that they were made. The daemon must run
without its system call filter (server.seccomp=false): what strace leaves out it makes call number -1."""
import contextlib
import pathlib
import re
import subprocess

from lab import wait_for


class Injected:
    """While it is entered, calls of one daemon meet this fault; what was seen of them is in `text`."""

    def __init__(self, pid, fault, seen, also=()):
        call = fault.partition(":")[0]
        self.call, self.seen = call, pathlib.Path(seen)
        self.process = subprocess.Popen(["strace", "-f", "-q", "-y", "-o", str(seen), "-e", f"trace={','.join([call, *also])}",
                                         "-e", f"inject={fault}", "-p", str(pid)], stderr=subprocess.DEVNULL)
        wait_for(lambda: self.is_attached(pid), "strace to attach")

    def is_attached(self, pid):
        with contextlib.suppress(OSError):
            return "TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text()
        return True                     # it met its call already, and died of it

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()             # asked politely, it may wait for ever for a thread that has died meanwhile
        self.process.wait(30)

    @property
    def text(self):
        return self.seen.read_text(errors="replace")

    def calls(self):
        return len(re.findall(rf"\b{self.call}\(", self.text))
