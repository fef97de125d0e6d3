"""A network of our own: Postern and the tests in one namespace of the kernel, the DNS in another, all other mail servers in a
third, on one bridge. scripts/test-full network gives the first, and with it mounts and processes that vanish however it ends."""
import contextlib
import ctypes
import itertools
import os
import pathlib
import shutil
import socket
import subprocess

CLONE_NEWNET = 0x40000000
OURS, PEERS = ("10.77.0.1", "fd77::1"), "10.77.0.0/16"
BRIDGE = "net0"
libc = ctypes.CDLL(None, use_errno=True)
numbers = itertools.count(1)


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, **more)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def alone():
    """Whether nothing but loopback is here, so that nothing we do reaches anybody."""
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def checked(status):
    if status != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def make_network():
    """The bridge, and our own place on it."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "link", "set", BRIDGE, "up")
    for address in OURS:
        add_address(address, BRIDGE, [])


def add_address(address, device, where):
    """`where`: what the command is run by."""
    width, more = (64, ["nodad"]) if ":" in address else (16, [])
    run(*where, "ip", "address", "add", f"{address}/{width}", "dev", device, *more)


def own_files(directory, names):
    """Other contents for files of /etc, here and in what is started here: {path: function of what it says}."""
    for number, (path, change) in enumerate(names.items()):
        ours = directory / f"{number}-{pathlib.Path(path).name}"
        ours.write_text(change(pathlib.Path(path).read_text()))
        run("mount", "--bind", ours, path)


class Namespace:
    """Another place on the bridge. Sockets made `inside()` stay there; so do programs that `command()` starts."""

    def __init__(self, name):
        self.name = name
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        checked(libc.unshare(CLONE_NEWNET))
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        checked(libc.setns(home, CLONE_NEWNET))
        os.close(home)
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"
        run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", self.path)
        run("ip", "link", "set", name, "master", BRIDGE, "up")
        for device in ("lo", "eth0"):
            self.run("ip", "link", "set", device, "up")

    def command(self, *words):
        return ["nsenter", f"--net={self.path}", *map(str, words)]

    def run(self, *words, **more):
        return run(*self.command(*words), **more)

    @contextlib.contextmanager
    def inside(self):
        """For this thread."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        checked(libc.setns(self.fd, CLONE_NEWNET))
        try:
            yield
        finally:
            checked(libc.setns(home, CLONE_NEWNET))
            os.close(home)

    def add(self, *addresses):
        for address in addresses:
            add_address(address, "eth0", self.command())

    # -- what goes wrong on the way there

    @contextlib.contextmanager
    def filtered(self, addresses, verdict, leaving=False):
        """What comes for these addresses, or leaves from them, meets nft's `verdict`: "drop", "reject with tcp reset",
        "numgen random mod 100 < 30 drop"."""
        hook, end = ("output", "saddr") if leaving else ("input", "daddr")
        table = f"test{next(numbers)}"
        self.run("nft", "add", "table", "inet", table)
        self.run("nft", "add", "chain", "inet", table, "traffic", f"{{ type filter hook {hook} priority 0; }}")
        for address in addresses:
            family = "ip6" if ":" in address else "ip"
            self.run("nft", "add", "rule", "inet", table, "traffic", "meta", "l4proto", "tcp", family, end, address, *verdict.split())
        try:
            yield
        finally:
            self.run("nft", "delete", "table", "inet", table)

    @contextlib.contextmanager
    def slow(self, rate):
        """All that goes there passes at this rate, as tc writes it."""
        run("tc", "qdisc", "add", "dev", self.name, "root", "tbf", "rate", rate, "burst", "32kb", "latency", "500ms")
        try:
            yield
        finally:
            run("tc", "qdisc", "del", "dev", self.name, "root")


def missing(*programs):
    return [program for program in programs if not shutil.which(program)]
