"""A running Postern, as tests see it."""
import contextlib
import dataclasses
import imaplib
import itertools
import json
import os
import pathlib
import smtplib
import socket
import ssl
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
first_fresh = 21        # the load of test_syncs.py goes to those before
OFFSETS = {"smtp": 25, "submission": 587, "submissions": 465, "imap": 143, "imaps": 993, "http": 80}


@dataclasses.dataclass(frozen=True)
class User:
    address: str
    password: str


def wait_for(condition, what, seconds=20):
    """The first true value `condition` gives; tests never sleep for a fixed time instead."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.02)


def free_base():
    """A base of ports none of which is taken; the lab adds 25 to 993 to it."""
    for base in itertools.chain(range(11000, 32000, 1000)):
        with contextlib.ExitStack() as stack:
            try:
                for offset in OFFSETS.values():
                    probe = stack.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", base + offset))
                return base
            except OSError:
                continue
    raise RuntimeError("no free ports")


class Instance:
    def __init__(self, directory, users=0, settings=(), build=None, launcher=()):
        self.dir = pathlib.Path(directory)
        self.build = build or os.environ.get("POSTERN_BUILD")
        self.count = users
        self.settings = list(settings)
        self.launcher = list(launcher)      # what scripts/lab is started by: prlimit, say
        self.base = free_base()
        self.unused = itertools.count(first_fresh)

    # -- life

    def lab(self, *words, check=True):
        command = [*self.launcher, str(ROOT / "scripts" / "lab"), *words, "--dir", str(self.dir)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def start(self):
        words = ["start", "--ports", str(self.base), "--users", str(self.count)]
        words += ["--build", self.build] if self.build else []
        for setting in self.settings:
            words += ["--set", setting]
        self.lab(*words)

    def join(self):
        """Uses the one that runs in this directory; POSTERN_FIRST_USER is the first that has no mail yet."""
        self.base = json.loads((self.dir / "lab.json").read_text())["base"]
        self.unused = itertools.count(int(os.environ.get("POSTERN_FIRST_USER", first_fresh)))

    def stop(self):
        self.lab("stop", check=False)

    def kill(self):
        self.lab("kill")

    # -- who and where

    def port(self, name):
        return self.base + OFFSETS[name]

    def user(self, number):
        return User(f"u{number:04d}@lab.test", f"pwu{number:04d}")

    def fresh_user(self):
        number = next(self.unused)
        assert number <= self.count, "the instance needs more users"
        return self.user(number)

    @property
    def certificate(self):
        return self.dir / "tls" / "cert.pem"

    def tls(self):
        return ssl.create_default_context(cafile=str(self.certificate))

    def maildir(self, user):
        return pathlib.Path(self.lab("maildir", user.address))

    def processes(self):
        """{name: [pid, ...]} of the daemons, master included."""
        found = {}
        children = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    children.setdefault(int(fields[1]), []).append(int(entry.name))
        todo = [json.loads((self.dir / "lab.json").read_text())["pid"]]
        while todo:
            pid = todo.pop()
            with contextlib.suppress(OSError):
                name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                found.setdefault(name, []).append(pid)
                todo += children.get(pid, [])
        return found

    def mailctl(self, *words, stdin=None, **more):
        build = pathlib.Path(self.build) if self.build else pathlib.Path(json.loads((self.dir / "lab.json").read_text())["build"])
        return run([build / "bin" / "mailctl", "--socket", self.dir / "run" / "api.sock", *words], stdin, **more)

    def queue_length(self):
        """Messages that something will happen to: those for other domains wait, because a lab asks no DNS."""
        return sum("DNS does not answer" not in row["last_error"] for row in json.loads(self.mailctl("queue", "list", "--json")))

    def log(self):
        path = self.dir / "log" / "postern.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def log_tail(self, lines=60):
        errors = self.dir / "master.err"
        return "\n".join((self.log().splitlines() + (errors.read_text(errors="replace").splitlines()[-20:]
                                                     if errors.exists() else []))[-lines:])

    # -- mail

    def smtp(self, user=None, implicit=False):
        """A smtplib session: logged in on a submission port, or on port 25 without a user."""
        if user is None:
            return smtplib.SMTP("127.0.0.1", self.port("smtp"), local_hostname="client.example", timeout=30)
        if implicit:
            session = smtplib.SMTP_SSL("localhost", self.port("submissions"), context=self.tls(), timeout=30)
        else:
            session = smtplib.SMTP("localhost", self.port("submission"), timeout=30)
            session.starttls(context=self.tls())
        session.login(user.address, user.password)
        return session

    def imap(self, user, implicit=True):
        if implicit:
            session = imaplib.IMAP4_SSL("localhost", self.port("imaps"), ssl_context=self.tls(), timeout=60)
        else:
            session = imaplib.IMAP4("localhost", self.port("imap"), timeout=60)
            session.starttls(self.tls())
        session.login(user.address, user.password)
        return session

    def send(self, sender, recipient, message, **how):
        with self.smtp(sender, **how) as session:
            session.sendmail(sender.address if sender else "bob@elsewhere.example", [recipient.address], message)

    def wait_for_mail(self, user, count=1, folder="INBOX"):
        """The UIDs in the folder once there are `count` of them."""
        with self.imap(user) as session:
            def uids():
                session.select(folder, readonly=True)
                found = session.uid("search", None, "ALL")[1][0].split()
                return found if len(found) >= count else None
            return wait_for(uids, f"{count} messages in {folder} of {user.address}")

    def fetch(self, user, uid, folder="INBOX"):
        with self.imap(user) as session:
            session.select(folder, readonly=True)
            return fetch_body(session, uid)


def fetch_body(session, uid):
    status, parts = session.uid("fetch", uid, "(BODY.PEEK[])")
    assert status == "OK", parts
    return next(part[1] for part in parts if isinstance(part, tuple))


def message(subject, body="Hello,\r\nthis is a test.\r\n", sender="a@lab.test", to="b@lab.test"):
    return (f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@lab.test>\r\n"
            f"Date: Sat, 21 Nov 2026 08:20:00 +0000\r\n\r\n{body}").encode()


def run(command, stdin=None, **more):
    """A client program; its output when it succeeded."""
    done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, timeout=120, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout.decode(errors='replace')}\n{done.stderr.decode(errors='replace')}"
    return done.stdout.decode(errors="replace")
