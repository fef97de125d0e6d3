"""One large mailbox here and in Dovecot, alternating; every round has an account of its own, filled by links.

  first   the first look at what another tool put there: SELECT merges, FETCH ENVELOPE reads every header
  cold    the same after a restart, the kernel's caches dropped
  warm    a second session's
  stall   the worst NOOP of another session while one long command runs (once, with an account of its own)
  memory  resident size of what serves the mailbox, open; and of 50 more sessions that idle (once)
"""
import pathlib
import shutil
import statistics
import subprocess
import sys

import mailbox
from servers import GROUPS, LAB, SHARED, Peer, Postern, run

IDLE = 50


def drop_caches():
    subprocess.run(["sync"], check=True)
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")


def credentials(number):
    return f"u{number:04d}@lab.test", f"pwu{number:04d}"


def generated(server, messages):
    """One set each: links share their owner."""
    directory = LAB / f"gen{messages}-{server.name}"
    if not directory.exists():
        run([sys.executable, SHARED / "gen_maildir.py", directory, messages])
    return directory


def fill(server, number, messages):
    address, password = credentials(number)
    mailbox.Connection(server.imaps_port, address, password).close()     # makes the account's folders
    server.fill(generated(server, messages), address.split("@")[0])


def one_round(server, number, options):
    port, (address, password) = server.imaps_port, credentials(number)
    server.start()
    try:
        fill(server, number, options.messages)
        passes = {"first": mailbox.one_pass(port, address, password, mailbox.READING)}
    finally:
        server.stop()
    drop_caches()
    server.start()
    try:
        commands = mailbox.READING + mailbox.WRITING
        passes["cold"] = mailbox.one_pass(port, address, password, commands)
        passes["warm"] = mailbox.one_pass(port, address, password, commands)
    finally:
        server.stop()
    return {"label": server.name, "passes": passes}


def resident(server):
    """KiB of the processes that hold mailboxes."""
    total = 0
    for group in server.groups:
        for pid in (GROUPS / group / "cgroup.procs").read_text().split():
            process = pathlib.Path("/proc") / pid
            if (process / "comm").read_text().strip() in ("imapd", "imap"):
                total += sum(int(line.split()[1]) for line in (process / "smaps_rollup").read_text().splitlines()
                             if line.startswith("Pss:"))
    return total


def once(server, number, options):
    port, (address, password) = server.imaps_port, credentials(number)
    server.start()
    try:
        fill(server, number, options.messages)
        stalls = mailbox.stalls(port, address, password)
    finally:
        server.stop()
    server.start()
    try:
        before = resident(server)
        large = mailbox.Connection(port, *credentials(number - 1))
        large.command("SELECT INBOX")
        large.command("FETCH 1:* (FLAGS)")
        opened = resident(server)
        idle = [mailbox.Connection(port, *credentials(100 + n)) for n in range(IDLE)]
        for connection in idle:
            connection.command("SELECT INBOX")
        memory = {"started_kib": before, "open_kib": opened, "with_idle_kib": resident(server)}
    finally:
        server.stop()
    return {"label": server.name, "stalls": stalls, "memory": memory}


def bench(options):
    servers = [Postern("postern-imap"), Peer("virtual")]
    for directory in (servers[0].directory, servers[0].maildirs):
        shutil.rmtree(directory, ignore_errors=True)
    raw = []
    for number in range(1, options.rounds + 1):
        for server in servers if number % 2 else reversed(servers):
            raw.append(one_round(server, number, options))
    table(raw, servers, options)
    last = [once(server, options.rounds + 1, options) for server in servers]
    report(last)
    return raw + last


def table(raw, servers, options):
    print(f"one mailbox of {options.messages} messages over TLS, {options.rounds} rounds: median seconds (lowest-highest)\n")
    print(f"{'':38}{'postern':>26}{'dovecot':>26}{'ratio':>8}")
    for stage, commands in raw[0]["passes"].items():
        for command in commands:
            cells = [[line["passes"][stage][command]["s"] for line in raw if line["label"] == server.name] for server in servers]
            ours, theirs = map(statistics.median, cells)
            print(f"{stage + ' ' + command:38}" + "".join(
                f"{statistics.median(cell):.4f} ({min(cell):.4f}-{max(cell):.4f})".rjust(26) for cell in cells) +
                f"{ours / theirs:8.2f}")


def report(last):
    print(f"\nthe worst NOOP of another session meanwhile, seconds (of how long the command took)\n")
    for command in last[0]["stalls"]:
        print(f"{command:38}" + "".join(
            f"{line['stalls'][command]['worst_noop_s']:.4f} ({line['stalls'][command]['s']:.2f})".rjust(26) for line in last))
    for line in last:
        memory = line["memory"]
        print(f"\n{line['label']}: the processes that hold mailboxes take {memory['started_kib']} KiB at the start, "
              f"{memory['open_kib']} KiB with the mailbox open, {memory['with_idle_kib']} KiB with {IDLE} idle sessions more")
