#!/usr/bin/python3
"""Postern beside Postfix and Dovecot, in one run, alternating, by the tools of ../shared/bench (used in place).

  tests/bench/bench.py smtp [--rounds 3] [--count 5000]     intake and delivery: 4 KiB, 50 sessions, a connection each
  tests/bench/bench.py imap [--rounds 3] [--messages 100000]  one large mailbox, warm

Needs root, the cpuacct controller of cgroup v1, a release build, and Postfix and Dovecot installed. Everything is on
loopback and below /tmp/lab. Prints one table with medians, ranges and ratios, then every raw line as JSON.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = ROOT.parent / "shared" / "bench"
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

    def reset_command(self):
        return f"{self.script} wipe"

    def fill(self, generated):
        home = self.maildirs / "u0001"
        shutil.rmtree(home, ignore_errors=True)
        run(["cp", "-al", generated, home])
        run(["chown", "-R", "5000:5000", home])


class Postern:
    name = "postern"
    groups = ("postern",)
    directory = LAB / "postern"
    base = 3000
    smtp_port, imaps_port = base + 25, base + 993
    maildirs = LAB / "postern-maildirs"

    def lab(self, *words):
        join = f"echo $BASHPID > {GROUPS}/postern/cgroup.procs; exec \"$@\""
        return run(["bash", "-c", join, "bash", ROOT / "scripts" / "lab", *words, "--dir", self.directory])

    def start(self):
        (GROUPS / "postern").mkdir(parents=True, exist_ok=True)
        users = [] if (self.directory / "lab.json").exists() else ["--users", USERS]
        self.lab("start", "--ports", self.base, "--build", ROOT / "build" / "release", *users)
        if not self.maildirs.exists():
            self.maildirs.mkdir(parents=True)
            for number in range(1, USERS + 1):
                name = f"u{number:04d}"
                (self.maildirs / name).symlink_to(self.lab("maildir", f"{name}@lab.test").strip())

    def stop(self):
        self.lab("stop")

    def queue_command(self):
        mailctl = ROOT / "build" / "release" / "bin" / "mailctl"
        return f"{mailctl} --socket {self.directory}/run/api.sock queue list --json | grep -c '\"id\"' || true"

    def reset_command(self):
        return None                              # its index would have to agree; the count starts from what is there

    def fill(self, generated):
        """What another tool puts into a Maildir is noticed and merged."""
        current = (self.maildirs / "u0001").resolve() / "cur"
        owner = current.stat()
        for path in list((generated / "cur").iterdir()) + list((generated / "new").iterdir()):
            target = current / path.name
            if not target.exists():
                os.link(path, target)
                os.chown(target, owner.st_uid, owner.st_gid)


def smtp_round(server, options):
    server.start()
    try:
        command = [sys.executable, SHARED / "smtp_bench.py", "--port", server.smtp_port, "--maildir-root", server.maildirs,
                   "--sessions", options.sessions, "--sizes", options.size, "--count", options.count, "--runs", "1",
                   "--retries", "0", "--warmup", 3 * USERS, "--users", USERS, "--label", server.name, "--queue-cmd", server.queue_command()]
        if server.reset_command():
            command += ["--reset-cmd", server.reset_command()]
        for group in server.groups:
            command += ["--cgroup", group]
        return [json.loads(line) for line in run(command).splitlines()]
    finally:
        server.stop()


def smtp(options):
    servers = [Postern(), Peer("virtual"), Peer("lmtp")]
    raw = []
    for number in range(options.rounds):
        for server in servers[number % 3:] + servers[:number % 3]:
            raw += smtp_round(server, options)
    measures = [("accepted/s", "accepted_per_s"), ("delivered/s", "e2e_per_s"), ("CPU s/1000", "cpu_per_1000")]
    values = {(server.name, key): [line[key]["median"] for line in raw if line["label"] == server.name and line[key]]
              for server in servers for _, key in measures}
    print(f"{options.size} bytes, {options.sessions} sessions, a connection per message, {options.count} messages, "
          f"{options.rounds} rounds: median (lowest-highest)\n")
    print(f"{'':16}" + "".join(f"{title:>26}" for title, _ in measures))
    for server in servers:
        cells = [values[server.name, key] for _, key in measures]
        print(f"{server.name:16}" + "".join(
            f"{statistics.median(cell):12.4g} ({min(cell):.4g}-{max(cell):.4g})".rjust(26) if cell else f"{'-':>26}"
            for cell in cells))
    for peer in servers[1:]:
        print(f"ratio to {peer.name}: " + ", ".join(
            f"{title} {statistics.median(values['postern', key]) / statistics.median(values[peer.name, key]):.3g}"
            for title, key in measures if values["postern", key] and values[peer.name, key]))
    return raw


def imap(options):
    generated = LAB / f"gen{options.messages}"
    if not generated.exists():
        run([sys.executable, SHARED / "gen_maildir.py", generated, options.messages])
    raw = []
    for number in range(options.rounds):
        servers = [Postern(), Peer("virtual")]
        for server in servers if number % 2 == 0 else reversed(servers):
            server.start()
            try:
                server.fill(generated)
                command = [sys.executable, SHARED / "imap_bench.py", "mailbox", "--tls", "--port", server.imaps_port, "--user",
                           "u0001@lab.test", "--password", "pwu0001", "--passes", "2", "--write", "--exists",
                           options.messages, "--label", server.name, *sum((["--cgroup", g] for g in server.groups), [])]
                raw += [json.loads(line) for line in run(command).splitlines() if line.startswith("{")]
            finally:
                server.stop()
    print(f"one mailbox of {options.messages} messages over TLS, {options.rounds} rounds: median seconds\n")
    print(f"{'':34}{'postern':>10}{'dovecot':>10}{'ratio':>8}")
    for stage in ("pass1", "pass2", "write"):
        for operation in raw[0].get(stage, {}):
            ours, theirs = (statistics.median([line[stage][operation]["s"] for line in raw if line["label"] == name and
                                               line[stage].get(operation, {}).get("s") is not None] or [float("nan")])
                            for name in ("postern", "postfix-virtual"))
            print(f"{stage + ' ' + operation:34}{ours:10.4f}{theirs:10.4f}{ours / theirs if theirs else float('nan'):8.2f}")
    return raw


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["smtp", "imap"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--messages", type=int, default=100000)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: needs root: it charges processes to accounting groups and starts the peers")
    for tool in ("postfix", "dovecot"):
        if not shutil.which(tool):
            sys.exit(f"bench: {tool} is not installed: apt-get install postfix dovecot-imapd dovecot-lmtpd")
    LAB.mkdir(exist_ok=True)
    raw = {"smtp": smtp, "imap": imap}[options.what](options)
    print("\nraw:")
    for line in raw:
        print(json.dumps(line))


if __name__ == "__main__":
    main()
