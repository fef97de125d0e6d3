"""What the processes of an instance ask the kernel for, in the order in which they do: one strace is attached to all of them."""
import collections
import dataclasses
import pathlib
import re
import subprocess

from lab import wait_for

FLUSHES = ("fsync", "fdatasync", "sync_file_range", "syncfs", "sync", "msync")
LINE = re.compile(r"^(\d+) +(\d+\.\d+) (.*)$")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
UNFINISHED = " <unfinished ...>"


@dataclasses.dataclass(frozen=True)
class Call:
    """`begun` and `ended` are places in the trace: what ended before another call began happened before it."""
    pid: int                    # of the thread
    name: str
    text: str                   # arguments and result
    begun: int
    ended: int
    time: float                 # at which it began

    @property
    def worked(self):
        return not re.search(r"= -1 E\w+ \([^)]*\)$", self.text)

    def path(self):
        """Of its first argument, a descriptor."""
        found = re.match(r"\w+\(\d+<([^>]*)>", self.text)
        return found[1] if found else ""


class Strace:
    """`also`: calls beside flushes, shown with up to `shown` octets of each string."""

    def __init__(self, instance, directory, also=(), shown=32):
        self.out = pathlib.Path(directory) / "strace"
        self.names = {pid: name for name, pids in instance.processes().items() for pid in pids}
        words = ["strace", "-f", "-q", "-y", "-ttt", "-s", shown, "-e", f"trace={','.join([*FLUSHES, *also])}", "-o", self.out]
        for pid in self.names:
            words += ["-p", pid]
        self.process = subprocess.Popen([str(word) for word in words], stderr=subprocess.DEVNULL)
        wait_for(lambda: all("TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text() for pid in self.names),
                 "strace to attach")
        for pid in list(self.names):
            for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
                self.names[int(thread.name)] = self.names[pid]

    def seen(self, text):
        """How often, by now."""
        return self.out.read_text(errors="replace").count(text)

    def stop(self):
        """The calls, in the order in which they ended."""
        self.process.terminate()
        self.process.wait(30)
        return list(calls(self.out.read_text(errors="replace").splitlines()))

    def by_process(self, found):
        """How many of them each daemon made."""
        return collections.Counter(self.names.get(call.pid, "a later thread") for call in found)


def calls(lines):
    waiting = {}
    for place, line in enumerate(lines):
        found = LINE.match(line)
        if not found:
            continue
        pid, time, text = int(found[1]), float(found[2]), found[3]
        begun = place
        if text.endswith(UNFINISHED):
            waiting[pid] = place, time, text.removesuffix(UNFINISHED)
            continue
        if (rest := RESUMED.match(text)) and pid in waiting:
            begun, time, first = waiting.pop(pid)
            text = first + text[rest.end():]
        if name := re.match(r"(\w+)\(", text):
            yield Call(pid, name[1], text, begun, place, time)
