"""The servers that are compared, as they are started, filled and stopped. All state below LAB.

Nobody's Maildirs are emptied between runs, the count starts from what is there: ext4 passes over inodes deleted in the last
minutes one by one, and whoever runs after a wipe pays for it with each file."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = pathlib.Path(os.environ.get("SHARED_ROOM", ROOT.parent / "shared")) / "bench"
LAB = pathlib.Path("/tmp/lab")
GROUPS = pathlib.Path("/sys/fs/cgroup/cpuacct/lab")
USERS = 200


def run(command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


class Peer:
    """Postfix and Dovecot as ../shared/bench sets them up; one instance for both ways of delivery."""

    script = SHARED / "peer_postfix_dovecot.sh"
    smtp_port, imaps_port = 2525, 2993
    maildirs = LAB / "pd" / "mail"
    groups = ("postfix", "dovecot")

    def __init__(self, delivery):
        self.name = f"postfix-{delivery}"
        self.delivery = delivery

    def start(self):
        run([self.script, "start"], env=dict(os.environ, DELIVERY=self.delivery, USERS=str(USERS)))

    def stop(self):
        run([self.script, "stop"])

    def queue_command(self):
        return f"{self.script} queue"

    def fill(self, generated, user):
        home = self.maildirs / user
        shutil.rmtree(home, ignore_errors=True)
        run(["cp", "-al", generated, home])
        run(["chown", "-R", "5000:5000", home])


class Postern:
    name = "postern"
    groups = ("postern",)
    base = 3000
    smtp_port, imaps_port = base + 25, base + 993

    mailctl_path = ROOT / "build" / "release" / "bin" / "mailctl"

    def __init__(self, directory="postern", settings=()):
        self.directory = LAB / directory
        self.settings = [word for setting in settings for word in ("--set", setting)]
        self.maildirs = LAB / f"{directory}-maildirs"

    def lab(self, *words):
        join = f"echo $BASHPID > {GROUPS}/postern/cgroup.procs; exec \"$@\""
        return run(["bash", "-c", join, "bash", ROOT / "scripts" / "lab", *words, "--dir", self.directory])

    def start(self):
        (GROUPS / "postern").mkdir(parents=True, exist_ok=True)
        users = [] if (self.directory / "lab.json").exists() else ["--users", USERS]
        self.lab("start", "--ports", self.base, "--build", ROOT / "build" / "release", *users, *self.settings)
        if not self.maildirs.exists():
            self.maildirs.mkdir(parents=True)
            for number in range(1, USERS + 1):
                name = f"u{number:04d}"
                (self.maildirs / name).symlink_to(self.lab("maildir", f"{name}@lab.test").strip())

    def stop(self):
        self.lab("stop")

    def queue_command(self):
        return f"{self.mailctl_path} --socket {self.directory}/run/api.sock queue list --json | grep -c '\"id\"' || true"

    def fill(self, generated, user):
        """What another tool puts into a Maildir is noticed and merged."""
        account = pathlib.Path(self.lab("maildir", f"{user}@lab.test").strip())
        owner = account.stat()
        for part in ("cur", "new"):
            run(["cp", "-alT", generated / part, account / part])
            run(["chown", "-R", f"{owner.st_uid}:{owner.st_gid}", account / part])
