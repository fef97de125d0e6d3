"""Addresses elsewhere that refuse mail: counted, after some refusals written to no more, and what an operator says of them."""
import json
import os
import signal

import pytest

from lab import wait_for
from outbound import Sender, fresh, report_about

NOBODY = {"RCPT": "550 5.1.1 nobody here"}


@pytest.fixture(scope="module")
def instance(tmp_path_factory, dns):
    sender = Sender(tmp_path_factory.mktemp("suppression"), dns, settings=["outbound.suppress_after=2"], users=20)
    sender.start()
    yield sender
    sender.stop()


def known(instance, address):
    rows = json.loads(instance.mailctl("suppression", "list", "--json"))
    return next((row for row in rows if row["address"] == address), None)


def wait_known(instance, address, refusals):
    return wait_for(lambda: (row := known(instance, address)) and row["refusals"] == refusals and row, f"{refusals} refusals of {address}")


def refused(instance, server, times):
    rcpt = fresh(server.address)
    for count in range(1, times + 1):
        instance.submit(rcpt)
        row = wait_known(instance, rcpt, count)
    return rcpt, row


def test_an_address_that_refuses_again_and_again_is_written_to_no_more(instance):
    with instance.server(NOBODY) as server:
        rcpt, row = refused(instance, server, 2)
        assert row["until"] > row["last"] and row["code"] == "5.1.1" and row["by"] == "" and "nobody here" in row["reply"]
        connections = server.sessions
        last = instance.send(rcpt.upper())
        assert last["event"] == "failed" and last["code"] == "5.1.1", last
        assert "refused 2 messages to this address in a row" in last["reply"] and "nobody here" in last["reply"]
        assert server.sessions == connections
    assert "suppressed" in instance.log() and f"rcpt={rcpt}" in instance.log()


def test_others_of_the_same_message_get_it(instance):
    with instance.server({"RCPT": ["550 5.1.1 nobody", "550 5.1.1 nobody", "250 2.1.5 ok"]}) as server:
        rcpt, _ = refused(instance, server, 2)
        other = fresh(server.address)
        instance.submit([rcpt, other])
        assert server.wait_for_messages()[0].recipients == [other]
        assert wait_for(lambda: instance.attempts(rcpt)[2:], "the third attempt")[0]["event"] == "failed"


def test_mail_that_was_taken_ends_the_count(instance):
    with instance.server({"RCPT": ["550 5.1.1 nobody", "250 2.1.5 here again", "550 5.1.1 nobody"]}) as server:
        rcpt, _ = refused(instance, server, 1)
        instance.submit(rcpt)
        wait_for(lambda: known(instance, rcpt) is None, "its refusal to be forgotten")
        instance.submit(rcpt)
        assert wait_known(instance, rcpt, 1)["until"] == 0


@pytest.mark.parametrize("reply", ["550 5.7.1 not from you", "552 5.2.2 full", "550 no", "450 4.1.1 not yet"])
def test_a_refusal_for_another_reason_does_not_count(instance, reply):
    """What is counted comes with what went before it, so that nothing is waited for in vain."""
    with instance.server({"RCPT": [reply, "550 5.1.1 nobody"]}) as server:
        first, counted = fresh(server.address), fresh(server.address)
        instance.send(first)
        instance.submit(counted)
        wait_known(instance, counted, 1)
        assert known(instance, first) is None


def test_a_report_that_comes_back_counts_once(instance):
    user = instance.user(1)
    with instance.server() as server:
        rcpt = fresh(server.address)
        instance.submit(rcpt)
        taken, = server.wait_for_messages()
        report, _ = report_about(taken, rcpt)
        forged, _ = report_about(taken, fresh(server.address))
        instance.outcome(rcpt)
        for content in (forged, report, report):
            with instance.smtp() as session:
                session.sendmail("", [user.address], content)
        row = wait_known(instance, rcpt, 1)
        assert row["host"] == "mx.b.example" and row["reply"] == "550 gone away" and row["until"] == 0
        wait_for(lambda: instance.log().count("report.received") >= 3, "all reports to be read")
        assert known(instance, rcpt)["refusals"] == 1
        assert len([row for row in json.loads(instance.mailctl("suppression", "list", "--json")) if row["host"] == "mx.b.example"]) == 1


def test_what_an_operator_says(instance):
    with instance.server() as server:
        rcpt = fresh(server.address)
        instance.mailctl("suppression", "add", rcpt, "--for", "1h", "--reason", "asked us to stop")
        row = known(instance, rcpt)
        assert row["refusals"] == 0 and row["by"] == "uid 0" and row["reply"] == "asked us to stop"
        assert rcpt in instance.mailctl("suppression", "list")
        last = instance.send(rcpt)
        assert last["event"] == "failed" and last["code"] == "5.7.1" and "asked us to stop" in last["reply"]
        instance.mailctl("suppression", "delete", rcpt)
        instance.submit(rcpt)
        server.wait_for_messages()
        with pytest.raises(AssertionError, match="nothing is known"):
            instance.mailctl("suppression", "delete", rcpt)
        with pytest.raises(AssertionError, match="not an address"):
            instance.mailctl("suppression", "add", "nobody")


def test_the_list_survives_a_restart_of_policyd(instance):
    rcpt = fresh("127.0.250.1")
    instance.mailctl("suppression", "add", rcpt)
    os.kill(instance.processes()["policyd"][0], signal.SIGKILL)
    assert wait_for(lambda: known(instance, rcpt), "the list to be back")["until"] > 0
