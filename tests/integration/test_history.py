"""mailctl explain tells what happened to a message or an address; syslog gets events; the log file can be moved away."""
import contextlib
import json
import os
import signal
import smtplib
import socket
import subprocess

import pytest

from lab import Instance, message, wait_for


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """What syslogd would be: the path of a datagram socket, and the socket."""
    path = tmp_path_factory.mktemp("syslog") / "log"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(path))
    path.chmod(0o666)
    listening.settimeout(20)
    yield path, listening
    listening.close()


@pytest.fixture(scope="module")
def own(tmp_path_factory, reader):
    running = Instance(tmp_path_factory.mktemp("own"), users=30, settings=[f"logging.syslog={reader[0]}"])
    running.start()
    yield running
    running.stop()


def explain(instance, key, *words):
    done = instance.mailctl("explain", key, "--json", *words)
    return json.loads(done)["items"]


def events(instance, key, until=None):
    """The names of a timeline's events, once `until` is among them: history is written in batches."""
    def found():
        names = [item["event"] for item in explain(instance, key)]
        return names if until is None or until in names else None
    return wait_for(found, f"{until} in what is known of {key}")


def fields_of(items, event):
    return next(dict(map(tuple, item["fields"])) for item in items if item["event"] == event)


def send(instance, user, subject):
    with instance.smtp() as session:
        session.sendmail("bob@elsewhere.example", [user.address], message(subject))


def test_every_key_tells_the_whole_story(own):
    user = own.fresh_user()
    with own.smtp(own.user(1)) as session:
        session.sendmail(own.user(1).address, [user.address], message("whole-story", sender=own.user(1).address))
    story = events(own, "<whole-story@lab.test>", until="delivery.delivered")
    for step in ["smtpd.connect", "smtpd.tls", "smtpd.auth.ok", "smtpd.rcpt.accept", "smtpd.message.accepted",
                 "imapd.delivered", "delivery.delivered"]:
        assert step in story
    items = explain(own, "whole-story@lab.test")
    accepted, delivered = fields_of(items, "smtpd.message.accepted"), fields_of(items, "imapd.delivered")
    assert [item["time_us"] for item in items] == sorted(item["time_us"] for item in items)
    for key in [accepted["queue"], accepted["session"], user.address, user.address.upper()]:
        assert set(story) <= set(events(own, key, until="delivery.delivered"))
    maildir = own.maildir(user)
    assert any(path.name.startswith(delivered["file"]) for path in maildir.rglob("*"))
    text = own.mailctl("explain", accepted["queue"])
    assert f"trace {accepted['session']}" in text and "smtpd.tls" in text and delivered["file"] in text


def test_a_refusal_and_its_reason(own):
    done = subprocess.run(["swaks", "--server", f"127.0.0.1:{own.port('smtp')}", "--from", "bob@elsewhere.example",
                           "--to", "no-such-person@lab.test"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 24
    events(own, "no-such-person@lab.test", until="smtpd.disconnect")
    items = explain(own, "no-such-person@lab.test")
    refusal = fields_of(items, "smtpd.rcpt.refuse")
    assert refusal["code"] == "550" and "mailbox" in refusal["reason"]
    assert refusal["reason"] in own.mailctl("explain", "no-such-person@lab.test")
    assert {item["event"] for item in explain(own, refusal["session"])} >= {"smtpd.connect", "smtpd.rcpt.refuse"}


def test_a_refused_message_by_its_message_id(own):
    with own.smtp() as session, pytest.raises(smtplib.SMTPDataError):
        received = b"Received: from a by b; Sat, 21 Nov 2026 08:20:00 +0000\r\n" * 101
        session.sendmail("bob@elsewhere.example", [own.user(2).address], received + message("round-and-round"))
    events(own, "round-and-round@lab.test", until="smtpd.message.refused")
    refusal = fields_of(explain(own, "round-and-round@lab.test"), "smtpd.message.refused")
    assert refusal["code"] == "554" and "loop" in refusal["reason"]


def test_messages_of_one_connection_are_told_apart(own):
    first, second = own.fresh_user(), own.fresh_user()
    with own.smtp() as session:
        for user, subject in [(first, "apart-one"), (second, "apart-two")]:
            session.sendmail("bob@elsewhere.example", [user.address], message(subject))
    events(own, "apart-one@lab.test", until="delivery.delivered")
    told = own.mailctl("explain", "apart-one@lab.test")
    assert first.address in told and second.address not in told


def test_a_login_is_told_by_the_address(own):
    user = own.fresh_user()
    own.imap(user).logout()
    assert "auth.login.ok" in events(own, user.address, until="imapd.session.close")


def test_nothing_known_is_an_answer(own):
    command = [str(own.build or "build/release") + "/bin/mailctl", "--socket", str(own.dir / "run" / "api.sock")]
    done = subprocess.run([*command, "explain", "stranger@lab.test"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 67
    assert "nothing is known of stranger@lab.test in the history, which goes back to 20" in done.stderr
    assert "the log files in logging.dir go back to 20" in done.stderr
    assert explain(own, "stranger@lab.test") == []
    user = own.fresh_user()
    send(own, user, "since")
    events(own, "since@lab.test", until="smtpd.message.accepted")
    assert explain(own, "since@lab.test", "--since", "1h") != []
    bad = subprocess.run([*command, "explain", "x", "--since", "soon"], capture_output=True, text=True, timeout=60)
    assert bad.returncode == 65


def kill_logd(own):
    (pid,) = own.processes()["logd"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: [p for p in own.processes().get("logd", []) if p != pid], "a new logd")


def test_a_killed_logd_keeps_what_it_had(own):
    before, after = own.fresh_user(), own.fresh_user()
    send(own, before, "before-the-kill")
    events(own, "before-the-kill@lab.test", until="delivery.delivered")
    kill_logd(own)
    send(own, after, "after-the-kill")
    events(own, "after-the-kill@lab.test", until="delivery.delivered")
    assert "delivery.delivered" in events(own, "before-the-kill@lab.test")


def test_a_damaged_history_stops_nothing(own):
    (pid,) = own.processes()["logd"]
    tail = own.dir / "log" / "history" / "tail"
    os.kill(pid, signal.SIGSTOP)
    damaged = tail.read_bytes()[:8] + b"\xff" * 100 + tail.read_bytes()[108:]
    tail.write_bytes(damaged)
    kill_logd(own)
    user = own.fresh_user()
    send(own, user, "after-the-damage")
    events(own, "after-the-damage@lab.test", until="delivery.delivered")
    wait_for(lambda: "log.history.problem" in own.log(), "a report of the damage")


def heard(listening, what):
    """The first datagram that has it."""
    while True:
        line = listening.recv(8192).decode()
        if what in line:
            return line


def test_syslog_hears_it_too(own, reader):
    user = own.fresh_user()
    send(own, user, "to-syslog")
    line = heard(reader[1], "message_id=<to-syslog@lab.test>")
    assert line.startswith("<22>") and " postern-smtpd[0]: smtpd.message.accepted session=" in line


def test_syslog_that_was_restarted_is_found_again(own, reader):
    path, old = reader
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as fresh:
        old.shutdown(socket.SHUT_RDWR)
        old.close()
        fresh.bind(str(path))
        path.chmod(0o666)
        fresh.setblocking(False)

        def speaks():
            own.mailctl("log", "level", "info")
            send(own, own.user(3), "again")
            try:
                return fresh.recv(8192)
            except BlockingIOError:
                return None
        assert b"postern-" in wait_for(speaks, "a line at the new socket")


def test_log_level_lasts_until_the_reload(own):
    def connections_are_logged():
        before = own.log().count("smtpd.connect")
        with own.smtp() as session:
            session.noop()
        with contextlib.suppress(AssertionError):
            return wait_for(lambda: own.log().count("smtpd.connect") > before, "its line", seconds=1)

    own.mailctl("log", "level", "error")
    wait_for(lambda: not connections_are_logged(), "connections leave no line")
    own.mailctl("reload")
    wait_for(connections_are_logged, "connections leave lines again")


def test_a_log_file_moved_away_is_opened_anew_by_a_reload(own):
    path = own.dir / "log" / "postern.log"
    path.rename(path.with_suffix(".moved"))
    own.mailctl("reload")
    user = own.fresh_user()
    send(own, user, "new-file")
    wait_for(lambda: "new-file@lab.test" in own.log(), "the message in the new file")
    assert "new-file@lab.test" not in path.with_suffix(".moved").read_text()
