"""A file system whose every write and flush is recorded, and what loss of power makes of it.

qemu-storage-daemon shows an image as a file (its FUSE export) and records what happens to it; a loop device on that file
carries the file system. No guest: what the kernel flushes is what the log says was flushed, everything else can be lost."""
import contextlib
import os
import pathlib
import random
import shutil
import subprocess
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from lab import wait_for  # noqa: E402
from log_writes import Log, Replay, scatter  # noqa: E402

SIZE = 4 << 30          # sparse: what is written counts
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"], "btrfs": ["mkfs.btrfs", "-q", "-f"]}


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"


def missing():
    """Why this host cannot do it, or nothing."""
    if os.geteuid() != 0:
        return "only root may mount"
    for tool in ("qemu-storage-daemon", *(words[0] for words in MAKE.values())):
        if not shutil.which(tool):
            return f"{tool} is not installed (scripts/test-full power installs it)"
    for device in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(device):
            return f"this machine has no {device}"
    return None


def kernel_knows(kind):
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "-q", kind], check=False)      # it may be built in
    return kind in pathlib.Path("/proc/filesystems").read_text().split()


@contextlib.contextmanager
def mounted(image, kind, at):
    """Its loop device goes with the mount."""
    at.mkdir(exist_ok=True)
    run("mount", "-t", kind, "-o", "loop", image, at)
    try:
        yield at
    finally:
        # A killed process is gone from the list before the last of its threads has let go of its files.
        wait_for(lambda: subprocess.run(["umount", at], capture_output=True).returncode == 0, f"{at} to be unmounted")


@contextlib.contextmanager
def another_boot(image):
    """For programs started inside, the machine was started anew: the kernel's number of this boot is another one."""
    number, place = image.with_suffix(".boot"), "/proc/sys/kernel/random/boot_id"
    number.write_text(f"{uuid.uuid4()}\n")
    run("mount", "--bind", number, place)
    try:
        yield
    finally:
        run("umount", place)
        number.unlink()


class LoggedDisk:
    """A fresh file system at `mount` below the directory."""

    def __init__(self, directory, kind):
        self.dir, self.kind = directory, kind
        self.mount = directory / "mount"
        self.log_path = directory / "log"

    def __enter__(self):
        image, export = self.dir / "disk", self.dir / "export"
        with open(image, "wb") as file:
            file.truncate(SIZE)
        run(*MAKE[self.kind], image)
        run("cp", "--sparse=always", image, self.dir / "replayed")
        self.log_path.touch()
        export.touch()
        node = ("driver=blklogwrites,node-name=disk,file.driver=raw,file.file.driver=file,log.driver=raw,log.file.driver=file,"
                f"file.file.filename={image},log.file.filename={self.log_path},file.cache.no-flush=on,log.cache.no-flush=on")
        self.daemon = subprocess.Popen(["qemu-storage-daemon", "--blockdev", node, "--export",
                                        f"fuse,id=disk,node-name=disk,mountpoint={export},writable=on,allow-other=off"])
        with contextlib.ExitStack() as undo:
            undo.callback(self.end_daemon)
            wait_for(lambda: export.stat().st_size == SIZE, "the image to be exported")
            undo.enter_context(mounted(export, self.kind, self.mount))
            self.undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self.undo.close()

    def unmount(self):
        """No more is written; what was is in the log."""
        self.undo.close()
        self.log = Log(self.log_path)
        self.replay = Replay(self.log, self.dir / "replayed")

    def end_daemon(self):
        self.daemon.terminate()
        self.daemon.wait(60)

    def place(self):
        """Now, as a place in the log."""
        return self.log_path.stat().st_size

    @contextlib.contextmanager
    def after_cut(self, place, dice: random.Random | None = None):
        """The file system at its usual path, as it is when the power went at this place: with what was flushed by then, and
        of the rest nothing, or what the dice say. Cuts are taken in their order."""
        image = self.dir / "cut"
        rest = self.replay.to_flush_before(place)
        run("cp", "--sparse=always", self.dir / "replayed", image)
        if dice:
            scatter(self.log, rest, image, dice)
        with mounted(image, self.kind, self.mount), another_boot(image):
            yield self.mount
        image.unlink()
