"""TESTCARD C, as far as SMTP brings it: messages made to be dear to read, and clients that never read."""
import os
import pathlib
import re
import socket

import pytest

from lab import Instance, wait_for
from test_smtp_abuse import Wire

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(instance):
    """{daemon: CPU seconds so far}"""
    used = {}
    for name, pids in instance.processes().items():
        for pid in pids:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            used[name] = used.get(name, 0) + (int(fields[11]) + int(fields[12])) / TICKS
    return used


def grown(instance, before, what=cpu_seconds):
    after = what(instance)
    return {name: after[name] - before.get(name, 0) for name in after}


def peak_memory(instance):
    """{daemon: the most it ever had, MiB}"""
    most = {}
    for name, pids in instance.processes().items():
        for pid in pids:
            (kib,) = re.findall(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
            most[name] = most.get(name, 0) + int(kib) / 1024
    return most


def deep(levels):
    return "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(levels)) + "\r\nx\r\n"


def wide(parts):
    return "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * parts + "--b--\r\n"


def nested(levels):
    return "Content-Type: message/rfc822\r\n\r\n" * levels + "Subject: in\r\n\r\nx\r\n"


def addresses(count):
    return "To: " + ",\r\n ".join(f"user{n}@lab{n}.example" for n in range(count)) + "\r\n\r\nx\r\n"


MESSAGES = [
    ("C1", "100,000 addresses in To", addresses(100_000)),
    ("C1", "500,000 addresses in To", addresses(500_000)),
    ("C1", "500,000 To fields", "To: a@lab.example\r\n" * 500_000 + "\r\nx\r\n"),
    ("C2", "multipart 5,000 deep", deep(5_000)),
    ("C2", "50,000 parts", wide(50_000)),
    ("C2", "message/rfc822 5,000 deep", nested(5_000)),
    ("C3", "20,000 RFC 2231 pieces", "Content-Type: text/plain;\r\n" + "".join(f" n*{n}=x;\r\n" for n in range(20_000)) + " z=1\r\n\r\nx\r\n"),
    ("C3", "100,000 References", "References:" + "".join(f"\r\n <{n}@lab.example>" for n in range(100_000)) + "\r\n\r\nx\r\n"),
    ("C3", "20,000 encoded words", "Subject:" + "".join("\r\n =?utf-8?q?x=C3=A9?=" for _ in range(20_000)) + "\r\n\r\nx\r\n"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    instance = Instance(tmp_path_factory.mktemp("content") / "instance", users=40)
    instance.start()
    yield instance
    instance.stop()


@pytest.mark.parametrize("row,what,text", MESSAGES, ids=[f"{row} {what}" for row, what, _ in MESSAGES])
def test_a_message_made_to_be_dear(running, figure, row, what, text):
    """In by SMTP, or refused with a reason; then everything a client asks of it."""
    user = running.fresh_user()
    before, memory = cpu_seconds(running), peak_memory(running)
    with running.smtp() as client:
        client.ehlo()
        client.mail("bob@elsewhere.example")
        client.rcpt(user.address)
        code, reply = client.data(("From: bob@elsewhere.example\r\n" + text).encode())
    if code == 250:
        running.wait_for_mail(user)
        with running.imap(user) as client:
            client.select("INBOX", readonly=True)
            status, _ = client.fetch("1", "(ENVELOPE BODYSTRUCTURE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (References Subject)])")
            assert status == "OK"
    used, more = grown(running, before), grown(running, memory, peak_memory)
    worst = max(used, key=used.get)
    figure(row, f"{what}: CPU of the dearest stage, s ({worst}; {'taken' if code == 250 else reply.decode()[:40]})", used[worst], "<= 1")
    figure(row, f"{what}: memory it grew by at most, MiB", max(more.values()))
    assert code == 250 or 500 <= code < 600
    assert used[worst] <= 1


def test_a_client_that_never_reads(running, figure):
    """C8 for SMTP: a hundred clients ask for replies by the megabyte and take none."""
    memory = sum(peak_memory(running).values())
    clients = [Wire(running) for _ in range(100)]
    for client in clients:
        client.socket.setblocking(False)
    unwritable = set()

    def stuffed():
        for client in clients:
            try:
                for _ in range(64):
                    client.socket.send(b"HELP\r\n" * 4096)
            except BlockingIOError:
                unwritable.add(client)
            except OSError:
                unwritable.add(client)                   # hung up on: as good
        return len(unwritable) == len(clients)

    wait_for(stuffed, "every client to be stopped by its own full pipe", 60)
    figure("C8", "clients that never read: memory for each, MiB", (sum(peak_memory(running).values()) - memory) / len(clients), "<= 1")
    with socket.create_connection(("127.0.0.1", running.port("smtp")), 5) as honest:
        assert honest.recv(100).startswith(b"220 ")
    assert sum(peak_memory(running).values()) - memory <= len(clients)
