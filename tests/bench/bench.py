#!/usr/bin/python3
"""Postern beside Postfix and Dovecot, in one run, alternating, by the tools of ../shared/bench (used in place).

  tests/bench/bench.py smtp [--rounds 3] [--count 5000]     intake and delivery: 4 KiB, 50 sessions, a connection each
  tests/bench/bench.py intake [--rounds 3] [--count 500]    intake beside Postfix: sizes, TLS, connections kept, 1 to 200 sessions
  tests/bench/bench.py relay [--rounds 3] [--count 5000] [--preload 20000]  another domain's mail: sent on, and a queue emptied
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
import intake
import relay
from servers import LAB, USERS, Peer, Postern

def smtp_round(server, options):
    server.start()
    try:
        return intake.load_of(server, options, "--sessions", options.sessions, "--sizes", options.size, "--warmup", 3 * USERS)
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


MEASURES = {"smtp": smtp, "intake": intake.bench, "relay": relay.bench, "imap": imap.bench}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=MEASURES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--preload", type=int, default=20000)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--messages", type=int, default=100000)
    parser.set_defaults(closing="")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: needs root: it charges processes to accounting groups and starts the peers")
    for tool in ("postfix", "dovecot"):
        if not shutil.which(tool):
            sys.exit(f"bench: {tool} is not installed: apt-get install postfix dovecot-imapd dovecot-lmtpd")
    LAB.mkdir(exist_ok=True)
    raw = MEASURES[options.what](options)
    print("\nraw:")
    for line in raw:
        print(json.dumps(line))
    print(options.closing)


if __name__ == "__main__":
    main()
