#!/usr/bin/python3
"""Postern beside Postfix and Dovecot, in one run, alternating, by the tools of ../shared/bench (used in place).

  tests/bench/bench.py smtp [--rounds 3] [--count 5000]     intake and delivery: 4 KiB, 50 sessions, a connection each
  tests/bench/bench.py imap [--rounds 3] [--messages 100000]  one large mailbox: first look, cold, warm (imap.py)

Needs root, the cpuacct controller of cgroup v1, a release build, and Postfix and Dovecot installed. Everything is on
loopback and below /tmp/lab. Prints one table with medians, ranges and ratios, then every raw line as JSON.
"""
import argparse
import json
import os
import shutil
import statistics
import sys

import imap
from servers import LAB, SHARED, USERS, Peer, Postern, run

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
    raw = smtp(options) if options.what == "smtp" else imap.bench(options)
    print("\nraw:")
    for line in raw:
        print(json.dumps(line))


if __name__ == "__main__":
    main()
