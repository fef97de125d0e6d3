"""TESTCARD J1 to J5: what a process may do, seen from outside, over /proc, while mail flows."""
import os
import pathlib
import threading

import pytest

from lab import message

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the users of the service table exist only with root")

SANITIZED = "asan" in os.environ.get("POSTERN_BUILD", "")
NETWORK_FACING = {"smtpd", "imap-login", "api-front"}
ROOTED = NETWORK_FACING | {"keyd", "local", "bounce", "api-local", "resolvd", "smtp-out", "fetch"}   # an empty root
STATE = {"qmgr": ["state/spool"], "authd": ["state/auth"], "policyd": ["state/policy"], "tlspolicyd": ["state/tls"], "imapd": ["mail"], "logd": ["log"]}
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def status(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.split(":", 1) for line in file.read().splitlines())


@pytest.fixture(scope="module")
def children(instance):
    """{name: [pid]} of everything but master, while messages keep coming."""
    stop = threading.Event()

    def load():
        while not stop.is_set():
            with instance.smtp() as session:
                session.sendmail("a@elsewhere.example", [instance.user(instance.count).address], message("load"))

    loaders = [threading.Thread(target=load) for _ in range(3)]
    for loader in loaders:
        loader.start()
    found = instance.processes()
    master = found.pop("master")
    assert len(master) == 1
    assert ROOTED | set(STATE) <= set(found)
    yield found
    stop.set()
    for loader in loaders:
        loader.join()


def everyone(children):
    return [(name, pid) for name, pids in children.items() for pid in pids]


def test_j1_each_role_is_its_own_unprivileged_user(children):
    users = {}
    for _ in range(100):
        for name, pid in everyone(children):
            now = status(pid)
            uids, gids = set(now["Uid"].split()), set(now["Gid"].split())
            assert len(uids) == 1 and len(gids) == 1 and "0" not in uids | gids, name
            assert set(now["Groups"].split()) <= gids, name
            users.setdefault(name, set()).update(uids)
    assert all(len(uids) == 1 for uids in users.values())
    assert len({next(iter(uids)) for uids in users.values()}) == len(users), users


def test_j1_nobody_can_be_dumped(children):
    for name, pid in everyone(children):                 # /proc/PID belongs to root when a process is not dumpable
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0, name


def test_j2_no_capabilities(children):
    for _ in range(100):
        for name, pid in everyone(children):
            now = status(pid)
            assert all(int(now[row], 16) == 0 for row in CAPABILITIES), name


def test_j3_no_new_privileges_and_a_system_call_filter(children):
    for name, pid in everyone(children):
        now = status(pid)
        assert now["NoNewPrivs"].strip() == "1", name
        if not SANITIZED:                                # sanitizer runtimes need calls no filter allows
            assert now["Seccomp"].strip() == "2", name


def test_j4_an_empty_root_for_all_that_need_no_files(children):
    for name in ROOTED & set(children):
        for pid in children[name]:
            root = f"/proc/{pid}/root"
            assert os.listdir(root) == [], name
            at = os.stat(root)
            assert at.st_uid == 0 and at.st_mode & 0o022 == 0, name


def allowed_descriptor(name, target, directory):
    """What any daemon may hold; and files of the one place that is its own."""
    if target.startswith(("socket:", "anon_inode:[event", "anon_inode:[timerfd]", "pipe:", "/memfd:", "/dev/null")):
        return True
    if target == f"{directory}/master.err":              # standard error, where there is no log yet
        return True
    return any(target.startswith(f"{directory}/{place}") for place in STATE.get(name, []))


def test_j5_no_descriptor_that_a_role_has_no_use_for(instance, children):
    surprises = set()
    for _ in range(100):
        for name, pid in everyone(children):
            for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                try:
                    target = os.readlink(entry)
                except FileNotFoundError:
                    continue                             # closed since it was listed
                if not allowed_descriptor(name, target, instance.dir):
                    surprises.add((name, entry.name, target))
    assert not surprises


def listening_sockets():
    """Inodes of TCP sockets that listen, of the whole host."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                yield f"socket:[{fields[9]}]"


def test_only_fronts_listen_to_the_network(children):
    """resolvd and smtp-out open Internet sockets of their own, and none that anybody could connect to."""
    listening = set(listening_sockets())
    holders = set()
    for name, pid in everyone(children):
        for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.readlink(entry) in listening:
                    holders.add(name)
            except FileNotFoundError:
                continue                                     # closed since it was listed
    assert holders == NETWORK_FACING
