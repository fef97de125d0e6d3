"""An upgrade under load: the same master pid, every program replaced, no connection refused, no message cut or doubled."""
import os
import pathlib
import random
import shutil
import smtplib
import socket
import sys
import tempfile
import threading

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "crash"))
from lab import ROOT, Instance, wait_for  # noqa: E402
from load import Ledger, compare, message  # noqa: E402

USERS = 10
COPIES = 3


@pytest.fixture
def installed(tmp_path):
    """An instance whose programs are a copy: they can be replaced."""
    build = pathlib.Path(os.environ.get("POSTERN_BUILD") or ROOT / "build" / "release")
    with tempfile.TemporaryDirectory() as place:             # pytest's own folders are closed to the services' users
        copy = pathlib.Path(place)
        copy.chmod(0o755)
        shutil.copytree(build / "libexec", copy / "libexec", symlinks=True)
        (copy / "bin").mkdir()
        shutil.copy2(build / "bin" / "mailctl", copy / "bin")
        running = Instance(tmp_path / "instance", users=USERS, build=str(copy))
        running.start()
        yield running, copy / "libexec" / "postern"
        running.kill()


class Senders:
    """Threads that send, a connection a message; anything but a 250 is remembered."""

    def __init__(self, instance, ledger):
        self.instance, self.ledger = instance, ledger
        self.stopping = threading.Event()
        self.problems = []
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(4)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def run(self, number):
        rng = random.Random(number)
        count = 0
        while not self.stopping.is_set():
            count += 1
            name = f"{number}-{count}"
            text, digest = message(name, rng.choice([500, 4000, 400000]), rng)
            account = self.instance.user(rng.randint(1, USERS)).address
            self.ledger.sending(name)
            try:
                with smtplib.SMTP("127.0.0.1", self.instance.port("smtp"), timeout=30) as client:
                    client.sendmail("sender@other.test", [account], text)
                self.ledger.accepted(name, [account], digest)
            except (OSError, smtplib.SMTPException) as problem:
                self.problems.append(problem)


def slow_data(instance, size):
    """A client in the middle of DATA; ends it when called."""
    client = smtplib.SMTP("127.0.0.1", instance.port("smtp"), timeout=60)
    client.ehlo("slow.test")
    client.mail("slow@other.test")
    client.rcpt(instance.user(1).address)
    assert client.docmd("DATA")[0] == 354
    client.send("Subject: slow\r\n\r\n" + "slow line\r\n" * (size // 11))

    def finish():
        client.send("the end\r\n.\r\n")
        return client.getreply()
    return finish


def wait_until_replaced(instance, before):
    """Every program is another process now, master apart."""
    def old():
        after = instance.processes()
        assert after["master"] == before["master"]
        return {name: pids for name, pids in before.items()
                if name != "master" and (set(pids) & set(after.get(name, ())) or name not in after)}
    try:
        wait_for(lambda: not old(), "every old program to end")
    except AssertionError as late:
        raise AssertionError(f"{late}: {old()}\n{instance.log_tail()}") from None


def test_an_upgrade_refuses_nobody(installed, tmp_path):
    instance, _ = installed
    before = instance.processes()
    ledger = Ledger(tmp_path / "ledger")
    finish_small, finish_large = slow_data(instance, 2000), slow_data(instance, 600_000)
    replies = {}
    with Senders(instance, ledger) as senders:
        wait_for(lambda: len(ledger.acknowledged) > 20, "mail to flow")
        # Both end their message only once the upgrade has begun to replace the queue's owner, or smtpd itself.
        done = threading.Thread(target=lambda: replies.update(upgrade=instance.mailctl("upgrade")))
        done.start()
        wait_for(lambda: "master.upgrade.begin" in instance.log(), "the new master")
        replies["small"], replies["large"] = finish_small(), finish_large()
        done.join(150)
        count = len(ledger.acknowledged)
        wait_for(lambda: len(ledger.acknowledged) > count + 20, "mail to flow after the upgrade")
    assert "upgraded" in replies["upgrade"]
    assert replies["small"][0] == 250 and replies["large"][0] == 250
    assert senders.problems == []
    wait_until_replaced(instance, before)
    wait_for(lambda: instance.queue_length() == 0, "the queue to empty", 60)
    users = [instance.user(number) for number in range(1, USERS + 1)]
    result = compare(ledger, {user.address: instance.maildir(user) for user in users})
    result["damaged"] = [entry for entry in result["damaged"] if not entry[1].startswith("unknown:")]    # the slow two
    result["unexpected"] = [entry for entry in result["unexpected"] if not entry[1].startswith("unknown:")]
    assert result == {"lost": [], "damaged": [], "twice": [], "unexpected": []}
    assert instance.log().count("master.upgrade.done") == 1


def test_a_program_that_leaves_still_gets_its_answers_from_master(installed):
    instance, _ = installed
    before = instance.processes()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(instance.dir / "run" / "api.sock"))
        client.sendall(b"GET /api/v1/processes HTTP/1.1\r\nHost: localhost\r\n")    # keeps its api-local from ending
        assert "upgraded" in instance.mailctl("upgrade")
        assert set(before["api-local"]) < set(instance.processes()["api-local"])
        client.sendall(b"\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    wait_until_replaced(instance, before)


def replaced_by(path, text):
    path.rename(path.with_suffix(".good"))
    path.write_text(text)
    path.chmod(0o755)


def test_a_program_that_does_not_start_leaves_the_old_one(installed):
    instance, libexec = installed
    before = instance.processes()
    replaced_by(libexec / "smtpd", "#!/bin/sh\nexit 1\n")
    with pytest.raises(AssertionError, match="not replaced: .*smtpd/0"):
        instance.mailctl("upgrade")
    assert "master.upgrade.stuck" in instance.log()
    assert set(instance.processes()["smtpd"]) >= set(before["smtpd"])
    with socket.create_connection(("127.0.0.1", instance.port("smtp")), timeout=10) as client:
        assert client.recv(100).startswith(b"220")
    # The good one again: the next upgrade replaces everybody.
    (libexec / "smtpd.good").rename(libexec / "smtpd")
    assert "upgraded" in instance.mailctl("upgrade")
    wait_until_replaced(instance, before)


def test_a_configuration_the_new_programs_refuse_stops_an_upgrade(installed):
    instance, _ = installed
    before = instance.processes()
    config = instance.dir / "postern.yaml"
    config.write_text(config.read_text().replace("hostname:", "hostnam:"))
    with pytest.raises(AssertionError, match="hostnam"):
        instance.mailctl("upgrade")
    assert instance.processes() == before


def test_a_reload_with_fewer_processes_ends_the_surplus(tmp_path):
    instance = Instance(tmp_path / "instance", users=1, settings=["processes.smtpd=3"])
    instance.start()
    try:
        assert len(instance.processes()["smtpd"]) == 3
        config = instance.dir / "postern.yaml"
        config.write_text(config.read_text().replace('smtpd: "3"', 'smtpd: "1"'))
        instance.mailctl("reload")
        wait_for(lambda: len(instance.processes()["smtpd"]) == 1, "two of three to end")
        with socket.create_connection(("127.0.0.1", instance.port("smtp")), timeout=10) as client:
            assert client.recv(100).startswith(b"220")
    finally:
        instance.kill()
