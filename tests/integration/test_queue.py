"""The queue with everything behind it: reports that reach their senders, and what an operator does, on the running suite."""
import email
import email.policy
import json
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

from lab import message, wait_for
from outbound import Sender, fresh, report_about
from smtp_server import SmtpServer


@pytest.fixture(scope="module")
def instance(tmp_path_factory, dns):
    sender = Sender(tmp_path_factory.mktemp("queue"), dns, settings=["outbound.first_pause=5s"], users=60)
    sender.start()
    yield sender
    sender.stop()


def submit(instance, user, recipients, content=None, options=(), rcpt_options=()):
    with instance.smtp(user) as session:
        session.sendmail(user.address, recipients, content or message("queued", sender=user.address), options, rcpt_options)


def report_for(instance, user, count=1):
    """The newest message in the account's INBOX, as Python's own parser reads it."""
    uids = instance.wait_for_mail(user, count)
    return email.message_from_bytes(instance.fetch(user, uids[-1]), policy=email.policy.default)


def fields(report):
    return report.get_payload()[1].get_payload()


def rows(instance, *words):
    return json.loads(instance.mailctl("queue", "list", "--json", *words))


def row_of(instance, recipient):
    found = [row for row in rows(instance) if row["first_recipient"] == recipient]
    return found[0] if found else None


def deferred(instance, user, server, recipient=None):
    """A message that waits, because its server says 450."""
    recipient = recipient or fresh(server.address)
    submit(instance, user, [recipient])
    return wait_for(lambda: (row := row_of(instance, recipient)) and row["state"] == "deferred" and row, "a deferred message"), recipient


def refuse(instance, *words):
    """The exit status of a command that must not work. Its end is waited for, not that of a pipe that more than it may hold."""
    command = [pathlib.Path(os.environ["POSTERN_BUILD"]) / "bin" / "mailctl", "--socket", instance.dir / "run" / "api.sock", *words]
    with tempfile.TemporaryFile() as said:
        status = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=said, timeout=60).returncode
        said.seek(0)
        assert status != 0 and said.read().startswith(b"mailctl: ")
    return status


# ---- reports -----------------------------------------------------------------------------------------------------------

def test_a_refused_recipient_comes_back_as_a_report(instance):
    user = instance.fresh_user()
    with instance.server({"RCPT": "550 5.1.1 nobody of that name"}) as server:
        rcpt = fresh(server.address)
        submit(instance, user, [rcpt], message("come back", sender=user.address), ["ENVID=QQ31", "RET=HDRS"], ["ORCPT=rfc822;old@x.test"])
        report = report_for(instance, user)
    assert report.get_content_type() == "multipart/report" and report["Auto-Submitted"].startswith("auto-")
    per_message, per_recipient = fields(report)
    assert per_message["Original-Envelope-Id"] == "QQ31"
    assert rcpt in per_recipient["Final-Recipient"] and per_recipient["Original-Recipient"] .replace(" ", "") == "rfc822;old@x.test"
    assert (per_recipient["Action"], per_recipient["Status"]) == ("failed", "5.1.1")
    assert "nobody of that name" in per_recipient["Diagnostic-Code"]
    returned = report.get_payload()[2]
    assert returned.get_content_type() == "text/rfc822-headers" and "Subject: come back" in returned.get_payload()
    wait_for(lambda: row_of(instance, rcpt) is None, "the message has ended")


def test_one_report_speaks_of_all_that_failed(instance):
    user = instance.fresh_user()
    with instance.server({"RCPT": "550 5.1.1 nobody"}) as server, instance.server({"MAIL": "554 5.7.1 not you"}) as other:
        failed = [fresh(server.address), fresh(server.address), fresh(other.address)]
        submit(instance, user, failed)
        report = report_for(instance, user)
        told = {part["Final-Recipient"].split(";")[1].strip() for part in fields(report)[1:]}
        if told != set(failed):                  # one of the hosts was slower than we gather for
            told |= {part["Final-Recipient"].split(";")[1].strip() for part in fields(report_for(instance, user, 2))[1:]}
        assert told == set(failed)


@pytest.mark.parametrize("extensions,action", [([], "relayed"), (["DSN"], None)], ids=["told by us", "told by them"])
def test_success_is_reported_by_who_can(instance, extensions, action):
    user = instance.fresh_user()
    with instance.server(extensions=extensions) as server:
        rcpt = fresh(server.address)
        submit(instance, user, [rcpt], rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
        taken, = server.wait_for_messages()
        if action:
            assert fields(report_for(instance, user))[1]["Action"] == action
        else:
            assert "NOTIFY=SUCCESS,FAILURE" in taken.rcpt[0].upper()
        wait_for(lambda: row_of(instance, rcpt) is None, "the message has ended")


def test_a_local_delivery_is_reported_to_who_asked(instance):
    user, other = instance.fresh_user(), instance.fresh_user()
    submit(instance, user, [other.address], rcpt_options=["NOTIFY=SUCCESS"])
    assert fields(report_for(instance, user))[1]["Action"] == "delivered"


def test_NOTIFY_NEVER_is_quiet(instance):
    user = instance.fresh_user()
    with instance.server({"RCPT": "550 5.1.1 nobody"}) as server:
        rcpt = fresh(server.address)
        submit(instance, user, [rcpt], rcpt_options=["NOTIFY=NEVER"])
        wait_for(lambda: f"rcpt={rcpt}" in instance.log() and "queue.discarded" in instance.log(), "its quiet end")
        wait_for(lambda: row_of(instance, rcpt) is None, "the message has ended")
    assert not instance.imap(user).select("INBOX")[1][0].strip(b"0")


def test_a_report_that_comes_back_is_tied_to_its_message(instance):
    """Another host took a message, and sends a report about it later."""
    user = instance.fresh_user()
    with instance.server() as server:
        rcpt = fresh(server.address)
        submit(instance, user, [rcpt])
        taken, = server.wait_for_messages()
    report, number = report_about(taken, rcpt)
    with instance.smtp() as session:
        session.sendmail("", [user.address], report)
    told = wait_for(lambda: [e for e in json.loads(instance.mailctl("explain", number, "--json"))["items"] if e["event"] == "report.received"], "it is told")
    values = dict(told[0]["fields"])
    assert values["rcpt"] == rcpt and values["code"] == "5.1.1" and values["reply"] == "550 gone away" and values["host"] == "mx.b.example"
    instance.wait_for_mail(user)


# ---- an operator -------------------------------------------------------------------------------------------------------

def test_messages_are_found_by_what_is_known_of_them(instance):
    user = instance.fresh_user()
    with instance.server({"RCPT": "450 4.2.1 come back later"}) as server:
        row, rcpt = deferred(instance, user, server)
        for words in (["--sender", user.address], ["--recipient", rcpt[:-3] + "*"], ["--state", "deferred", "--sender", user.address],
                      ["--error", "COME BACK", "--sender", user.address], ["--younger", "1h", "--sender", user.address]):
            assert [r["id"] for r in rows(instance, *words)] == [row["id"]], words
        for words in (["--state", "held"], ["--older", "1h"], ["--domain", "other.test"]):
            assert not rows(instance, "--sender", user.address, *words), words
        shown = json.loads(instance.mailctl("queue", "show", row["id"], "--json"))
        assert shown["recipients"][0]["attempts"] >= 1 and "come back later" in shown["recipients"][0]["last_error"]
        text = instance.mailctl("queue", "cat", row["id"])
        assert text.startswith("Received: ") and "Subject: queued" in text and row["id"] in text
        assert "come back later" in instance.mailctl("queue", "stats")
        instance.mailctl("queue", "delete", row["id"])
        wait_for(lambda: row_of(instance, rcpt) is None, "it is deleted")


def test_flush_tries_again_now(instance):
    user = instance.fresh_user()
    with instance.server({"RCPT": ["450 4.2.1 later", "250 2.1.5 now"]}) as server:
        row, _ = deferred(instance, user, server)
        instance.mailctl("queue", "flush", row["id"])
        server.wait_for_messages()


def test_what_is_held_stays_over_a_crash_until_it_is_released(instance):
    user = instance.fresh_user()
    with instance.server({"RCPT": ["450 4.2.1 later", "250 2.1.5 now"]}) as server:
        row, rcpt = deferred(instance, user, server)
        assert "1 message, 1 recipient held" in instance.mailctl("queue", "hold", "--sender", user.address)
        wait_for(lambda: row_of(instance, rcpt)["state"] == "held", "it is held")
        instance.kill()
        instance.start()
        assert row_of(instance, rcpt)["state"] == "held"
        instance.mailctl("queue", "flush", "--all") if rows(instance, "--state", "deferred") else None
        assert row_of(instance, rcpt)["state"] == "held" and not server.messages
        instance.mailctl("queue", "release", row["id"])
        server.wait_for_messages()


def test_a_rule_holds_what_comes_until_it_is_released(instance):
    user, other = instance.fresh_user(), instance.fresh_user()
    assert refuse(instance, "hold-rule", "add", "--reason", "everything?") == 65
    said = instance.mailctl("hold-rule", "add", "--sender", user.address, "--reason", "looked at first")
    number = re.search(r"rule (\d+)", said)[1]
    submit(instance, user, [other.address])
    row = wait_for(lambda: (r := row_of(instance, other.address)) and r["state"] == "held" and r, "it is held")
    assert row["last_error"] == f"held by rule {number}: looked at first"
    instance.kill()
    instance.start()
    rule, = [r for r in json.loads(instance.mailctl("hold-rule", "list", "--json")) if str(r["id"]) == number]
    assert rule["sender"] == user.address and rule["by"].startswith("uid ")
    instance.mailctl("hold-rule", "delete", number)
    assert refuse(instance, "hold-rule", "delete", number) == 67
    assert row_of(instance, other.address)["state"] == "held"
    instance.mailctl("queue", "release", row["id"])
    instance.wait_for_mail(other)


def test_requeue_asks_again_where_a_recipient_is(instance):
    user, here = instance.fresh_user(), instance.fresh_user()
    with instance.server({"RCPT": "450 4.2.1 later"}) as server:
        domain = f"moves{here.address[1:5]}.test"
        instance.dns.set(domain, f"MX 10 mx.{domain}.")
        instance.dns.set(f"mx.{domain}", f"A {server.address}")
        row, rcpt = deferred(instance, user, server, f"someone@{domain}")
        instance.mailctl("domain", "add", domain)
        instance.mailctl("alias", "add", rcpt, here.address)
        assert "1 message, 1 recipient looked up again" in instance.mailctl("queue", "requeue", row["id"])
        instance.wait_for_mail(here)


def test_a_message_is_shown_with_its_attempts_and_its_header(instance):
    user = instance.fresh_user()
    with instance.server({"RCPT": "450 4.2.1 come back later"}) as server:
        row, rcpt = deferred(instance, user, server)
        shown = wait_for(lambda: (s := json.loads(instance.mailctl("queue", "show", row["id"], "--json")))["attempts"] and s, "the history knows it")
        assert shown["account"] and shown["local_uid"] is None
        assert {a["rcpt"] for a in shown["attempts"]} == {rcpt} and "come back later" in json.dumps(shown["attempts"])
        assert shown["header"].startswith("Received: ") and "Subject: queued\r\n" in shown["header"]
        text = instance.mailctl("queue", "show", row["id"])
        assert "\nSubject: queued\n" in text and "outbound.deferred" in text
        instance.mailctl("queue", "delete", row["id"])


def test_bounce_tells_the_sender(instance):
    user = instance.fresh_user()
    with instance.server({"RCPT": "450 4.2.1 later"}) as server:
        row, rcpt = deferred(instance, user, server)
        instance.mailctl("queue", "bounce", row["id"])
        part = fields(report_for(instance, user))[1]
    assert rcpt in part["Final-Recipient"] and part["Status"] == "5.0.0" and part["Action"] == "failed"


def test_reroute_and_edit_send_it_elsewhere(instance):
    user = instance.fresh_user()
    with instance.server({"RCPT": "450 4.2.1 later"}) as server, instance.server() as smart:
        row, rcpt = deferred(instance, user, server)
        instance.mailctl("queue", "reroute", row["id"], "--to", f"[{smart.address}]:{smart.port}")
        assert smart.wait_for_messages()[0].recipients == [rcpt]
        row, rcpt = deferred(instance, user, server)
        other = instance.fresh_user()
        instance.mailctl("queue", "edit", row["id"], rcpt, other.address)
        instance.wait_for_mail(other)
        row, rcpt = deferred(instance, user, server)
        assert refuse(instance, "queue", "edit", row["id"], rcpt, "nobody@lab.test") == 65
        assert refuse(instance, "queue", "edit", row["id"], "x@lab.test", other.address) == 67
        instance.mailctl("queue", "delete", row["id"])


def test_nothing_is_done_to_everything_by_mistake(instance):
    assert refuse(instance, "queue", "delete") == 64
    assert refuse(instance, "queue", "delete", "--sender", "nobody@nowhere.test") == 67


def test_a_destination_that_is_down_waits_for_its_probe(instance):
    user = instance.fresh_user()
    with instance.server() as server:
        name = f"[{server.address}]"
    submitted = [fresh(name[1:-1]) for _ in range(6)]                    # nobody listens there now
    for rcpt in submitted:
        submit(instance, user, [rcpt])

    def destination():
        return {row["name"]: row for row in json.loads(instance.mailctl("destination", "list", "--json"))}.get(name)

    down = wait_for(lambda: (d := destination()) and d["state"] == "down" and d, "it is down")
    assert down["reason"] and down["paused_until"] > 0
    with SmtpServer(address=name[1:-1], port=instance.outbound_port) as server:
        instance.mailctl("queue", "flush", "--sender", user.address)
        server.wait_for_messages(6)


def test_nothing_goes_to_a_frozen_destination(instance):
    user = instance.fresh_user()
    with instance.server() as server:
        rcpt, name = fresh(server.address), f"[{server.address}]"
        instance.mailctl("destination", "freeze", name)
        submit(instance, user, [rcpt])
        row = wait_for(lambda: row_of(instance, rcpt), "it is queued")
        assert row["state"] == "queued" and "frozen" in row["last_error"]
        instance.kill()
        instance.start()
        assert "frozen" in row_of(instance, rcpt)["last_error"] and not server.messages
        instance.mailctl("destination", "thaw", name)
        server.wait_for_messages()
