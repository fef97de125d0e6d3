"""Intake beside Postfix in every shape a sender has: size, TLS, a connection per message or one kept, sessions at once; and
what a TLS handshake alone costs."""
import json
import multiprocessing
import socket
import ssl
import statistics
import sys
import time

from servers import GROUPS, SHARED, USERS, Peer, Postern, run

SIZES, SESSIONS = (4096, 51200), (1, 10, 50, 200)
SHAPES = [(tls, kept) for tls in (False, True) for kept in (False, True)]
HANDSHAKE_SECONDS, GENERATORS = 5, 2


def load_of(server, options, *more):
    """The command that loads one server; its output is a JSON line for each size and number of sessions."""
    command = [sys.executable, SHARED / "smtp_bench.py", "--port", server.smtp_port, "--maildir-root", server.maildirs,
               "--count", options.count, "--runs", "1", "--retries", "0", "--users", USERS, "--label", server.name,
               "--queue-cmd", server.queue_command(), *more]
    for group in server.groups:
        command += ["--cgroup", group]
    return [json.loads(line) for line in run(command).splitlines()]


def cpu_seconds(server):
    return sum(int((GROUPS / group / "cpuacct.usage").read_text()) for group in server.groups) / 1e9


def shake_hands(port, until, done):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    while time.monotonic() < until:
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            for words in (None, b"EHLO load.test\r\n", b"STARTTLS\r\n"):
                if words:
                    plain.sendall(words)
                while not plain.recv(4096).rpartition(b"\r\n")[0].rpartition(b"\r\n")[2][3:4] == b" ":
                    pass
            with context.wrap_socket(plain) as secure:
                secure.sendall(b"QUIT\r\n")
                secure.recv(100)
                with done.get_lock():
                    done.value += 1


def handshakes(server):
    """Whole handshakes, no tickets; the clients are Python and take their part of the machine."""
    done, until = multiprocessing.Value("q", 0), time.monotonic() + HANDSHAKE_SECONDS
    before = cpu_seconds(server)
    clients = [multiprocessing.Process(target=shake_hands, args=(server.smtp_port, until, done)) for _ in range(GENERATORS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return {"label": server.name, "handshakes_per_s": done.value / HANDSHAKE_SECONDS,
            "handshake_cpu_ms": (cpu_seconds(server) - before) * 1000 / done.value}


def one_round(server, options):
    lists = ["--sessions", ",".join(map(str, SESSIONS)), "--sizes", ",".join(map(str, SIZES)), "--warmup", 0, "--settle", 0.2]
    server.start()
    try:
        load_of(server, options, "--sessions", 50, "--sizes", 4096, "--warmup", 3 * USERS)
        cells = [cell for tls, kept in SHAPES
                 for cell in load_of(server, options, *lists, *["--starttls"] * tls, *["--reuse"] * kept)]
        return cells, [handshakes(server)]
    finally:
        server.stop()


def bench(options):
    servers = [Postern(), Peer("virtual")]
    cells, shaken = [], []
    for number in range(options.rounds):
        for server in servers[::(-1) ** number]:
            more_cells, more_shaken = one_round(server, options)
            cells, shaken = cells + more_cells, shaken + more_shaken
    show_cells(cells, options)
    show_handshakes(shaken)
    return cells + shaken


def median_of(cells, key, **wanted):
    return statistics.median(cell[key]["median"] for cell in cells if all(cell[name] == value for name, value in wanted.items()))


def show_cells(cells, options):
    print(f"{options.count} messages a cell, median of {options.rounds} rounds, alternating\n")
    print(f"{'size':>6} {'TLS':4} {'connection':11} {'sessions':>8} | accepted/s: {'postern':>8} {'postfix':>8} {'ratio':>6} "
          f"| CPU ms a message: {'postern':>8} {'postfix':>8} {'ratio':>6}")
    for size in SIZES:
        for tls, kept in SHAPES:
            for sessions in SESSIONS:
                shape = {"size": size, "starttls": tls, "reuse": kept, "sessions": sessions}
                ours, theirs = ([median_of(cells, key, label=name, **shape) for key in ("accepted_per_s", "cpu_per_1000")]
                                for name in ("postern", "postfix-virtual"))
                print(f"{size:6} {'yes' if tls else 'no':4} {'kept' if kept else 'per message':11} {sessions:8} | "
                      f"{ours[0]:20.0f} {theirs[0]:8.0f} {ours[0] / theirs[0]:6.2f} | "
                      f"{ours[1]:26.3f} {theirs[1]:8.3f} {ours[1] / theirs[1]:6.3f}")


def show_handshakes(shaken):
    for name in ("postern", "postfix-virtual"):
        mine = [row for row in shaken if row["label"] == name]
        rate, cost = (statistics.median(row[key] for row in mine) for key in ("handshakes_per_s", "handshake_cpu_ms"))
        print(f"\nSTARTTLS handshakes, {GENERATORS} clients: {name:16} {rate:6.0f} a second, {cost:.2f} ms of the server's CPU each", end="")
    print()
