"""Delivery to other hosts: what goes over the wire, what each reply means, and what a hostile server can cost."""
import email
import email.policy

import pytest

from lab import message, wait_for
from outbound import Sender, fresh, metrics
from smtp_server import CLOSE, DRIP, ENDLESS, GARBAGE, LONG, RESET, STALL

EVERYTHING = ["PIPELINING", "8BITMIME", "SIZE 10000000", "DSN", "SMTPUTF8", "CHUNKING", "BINARYMIME"]


@pytest.fixture(scope="module")
def instance(tmp_path_factory, dns):
    sender = Sender(tmp_path_factory.mktemp("outbound"), dns)
    sender.start()
    yield sender
    sender.stop()


# ---- a plain delivery --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("extensions", [[], ["PIPELINING"], ["CHUNKING"], EVERYTHING], ids=["plain", "pipelining", "chunking", "everything"])
def test_a_message_arrives_as_it_was_sent(instance, extensions):
    body = ".\r\n..two dots\r\n.\r\n" + "x" * 500 + "\r\nlast line\r\n"
    with instance.server(extensions=extensions) as server:
        rcpt = fresh(server.address)
        outcome = instance.send(rcpt, message("plain", body, sender="u0001@lab.test"))
        taken, = server.wait_for_messages()
    assert outcome["event"] == "delivered"
    assert outcome["code"] == "2.6.0" and outcome["remote"] == f"{server.address}:{server.port}"
    assert taken.sender == "u0001@lab.test" and taken.recipients == [rcpt]
    assert taken.data.endswith(b"\r\n\r\n" + body.encode())
    assert taken.data.startswith(b"Received: ")
    assert b"Return-Path" not in taken.data
    assert taken.verb == ("BDAT" if "CHUNKING" in extensions else "DATA")
    assert server.commands[0][1] == "EHLO mail.lab.test"


@pytest.mark.parametrize("extensions", [["SIZE 100000000"], EVERYTHING], ids=["data", "bdat"])
def test_a_large_message_is_streamed(instance, extensions):
    lines = [f".line {number} " + "x" * 60 for number in range(40000)]
    with instance.server(extensions=extensions) as server:
        rcpt = fresh(server.address)
        assert instance.send(rcpt, message("large", "\r\n".join(lines) + "\r\n", sender="u0001@lab.test"))["event"] == "delivered"
        taken, = server.wait_for_messages()
    assert taken.data.split(b"\r\n\r\n", 1)[1] == ("\r\n".join(lines) + "\r\n").encode()
    said = int(taken.mail.split("SIZE=")[1].split()[0])
    assert said == len(taken.data)


def test_recipients_at_one_destination_share_a_transaction_and_have_their_own_outcome(instance):
    def rcpt_reply(_, argument):
        return {"busy": "450 4.2.1 later", "gone": "550 5.1.1 no such user"}.get(argument[4:8], "250 2.1.5 ok")
    with instance.server({"RCPT": rcpt_reply}, extensions=["PIPELINING"]) as server:
        good, busy, gone = (f"{name}@[{server.address}]" for name in ("good", "busy", "gone"))
        instance.submit([good, busy, gone])
        assert instance.outcome(good)["event"] == "delivered"
        deferred, failed = instance.outcome(busy), instance.outcome(gone)
        taken, = server.wait_for_messages()
    assert (deferred["event"], deferred["code"], deferred["reply"]) == ("deferred", "4.2.1", "450 4.2.1 later")
    assert (failed["event"], failed["code"], failed["reply"]) == ("failed", "5.1.1", "550 5.1.1 no such user")
    assert taken.recipients == [good]


def test_the_attempt_is_part_of_the_message_s_story(instance):
    with instance.server() as server:
        rcpt = fresh(server.address)
        queue = instance.send(rcpt)["queue"]
    told = wait_for(lambda: (text := instance.mailctl("explain", queue)) and "outbound.delivered" in text and text, "the story")
    assert rcpt in told and "250 2.6.0 taken" in told


# ---- replies, by where they come ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("script, event, code, said", [
    ({"MAIL": "550 5.7.1 not you"}, "failed", "5.7.1", "550 5.7.1 not you"),
    ({"MAIL": "451 4.7.1 greylisted"}, "deferred", "4.7.1", "451 4.7.1 greylisted"),
    ({"RCPT": "550 no such user"}, "failed", "5.0.0", "550 no such user"),
    ({"RCPT": "450-4.2.1 more than\r\n450 4.2.1 one line"}, "deferred", "4.2.1", "450 4.2.1 more than; one line"),
    ({"DATA": "554 5.5.0 no"}, "failed", "5.5.0", "554 5.5.0 no"),
    ({"DATA": "452 4.3.1 full"}, "deferred", "4.3.1", "452 4.3.1 full"),
    ({"content": "554 5.6.0 spam"}, "failed", "5.6.0", "554 5.6.0 spam"),
    ({"content": "451 4.3.0 later"}, "deferred", "4.3.0", "451 4.3.0 later"),
    ({"content": "554 a\tb\x1b[31m\u00fc"}, "failed", "5.0.0", "x1b"),
    ({"connect": "554 5.7.1 go away"}, "deferred", "4.7.1", "host refused the connection: 554 5.7.1 go away"),
    ({"connect": "421 4.3.2 busy"}, "deferred", "4.3.2", "host refused the connection: 421 4.3.2 busy"),
    ({"EHLO": "451 4.3.0 no"}, "deferred", "4.3.0", "host refused EHLO: 451 4.3.0 no"),
    ({"EHLO": "502 5.5.1 what", "HELO": "550 no"}, "deferred", "4.0.0", "host refused HELO: 550 no"),
    ({"EHLO": "502 5.5.1 what"}, "delivered", "2.6.0", "250 2.6.0 taken"),
    ({"MAIL": "421 4.3.2 bye"}, "deferred", "4.3.2", "421 4.3.2 bye"),
    ({"RCPT": "421 4.3.2 bye"}, "deferred", "4.3.2", "421 4.3.2 bye"),
    ({"DATA": "421 4.3.2 bye"}, "deferred", "4.3.2", "421 4.3.2 bye"),
    ({"content": "421 4.3.2 bye"}, "deferred", "4.3.2", "421 4.3.2 bye"),
    ({"data-block": "552 5.3.4 too much"}, "failed", "5.3.4", "552 5.3.4 too much"),
    ({"EHLO": "250 mx.test\r\n250 mx.test"}, "deferred", "4.5.0", "more than it was asked"),
    ({"MAIL": "354 go"}, "deferred", "4.4.2", "unexpected reply: 354 go"),
    ({"DATA": "250 fine"}, "deferred", "4.4.2", "unexpected reply: 250 fine"),
    ({"content": "354 more"}, "deferred", "4.5.0", "unexpected reply: 354 more"),
    ({"RCPT": "250-2.1.5 a\r\n550 5.1.1 b"}, "deferred", "4.4.2", "a reply of two codes"),
])
def test_what_a_reply_means(instance, script, event, code, said):
    with instance.server(script) as server:
        outcome = instance.send(fresh(server.address))
    assert (outcome["event"], outcome["code"]) == (event, code)
    assert said in outcome["reply"]


# ---- servers that mean harm, or are broken ------------------------------------------------------------------------------

@pytest.mark.parametrize("action", [CLOSE, RESET, STALL, DRIP, ENDLESS, LONG, GARBAGE], ids=lambda action: action.name.lower())
@pytest.mark.parametrize("event", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "data-block", "content"])
def test_a_broken_server_costs_a_moment(instance, event, action):
    with instance.server({event: action}) as server:
        outcome = instance.send(fresh(server.address), message("broken", "x\r\n" * 10, sender="u0001@lab.test"))
    assert outcome["event"] == "deferred"
    assert outcome["code"] in ("4.4.2", "4.4.7")
    # Ten lines have left whole before the first one is read.
    assert ("it may have arrived" in outcome["reply"]) == (event in ("data-block", "content"))
    assert float(outcome["seconds"]) < 8.5


def test_a_server_that_stops_reading_costs_a_moment(instance):
    body = ("x" * 78 + "\r\n") * 100000                  # more than what kernels take in between
    with instance.server({"data-block": STALL}) as server:
        outcome = instance.send(fresh(server.address), message("stuck", body, sender="u0001@lab.test"))
    assert outcome["event"] == "deferred"
    assert "timed out waiting for the message to be taken" in outcome["reply"]
    assert "it may have arrived" not in outcome["reply"]


def test_a_slow_server_delays_nobody_else(instance):
    with instance.server({"EHLO": STALL}) as slow, instance.server() as quick:
        stuck, live = fresh(slow.address), fresh(quick.address)
        instance.submit(stuck)
        slow.wait_for_command("EHLO")
        assert instance.send(live)["event"] == "delivered"
        assert not instance.attempts(stuck)
        assert instance.outcome(stuck)["event"] == "deferred"


def test_nobody_listens(instance):
    outcome = instance.send(fresh("127.0.0.99"))
    assert (outcome["event"], outcome["code"]) == ("deferred", "4.4.1")
    assert outcome["reply"] == "not connected: Connection refused"


def test_a_lost_reply_is_counted(instance):
    def count():
        return sum(int(line.split()[-1]) for line in metrics(instance) if line.startswith('outbound_uncertain_total') and "no-reply" in line)
    before = count()
    with instance.server({"content": CLOSE}) as server:
        instance.send(fresh(server.address))
    assert count() == before + 1


# ---- what the host does not offer ---------------------------------------------------------------------------------------

def test_eight_bits_need_8bitmime(instance):
    text = message("8bit", "gr\u00fc\u00dfe\r\n", sender="u0001@lab.test")
    with instance.server(extensions=["8BITMIME"]) as server:
        assert instance.send(fresh(server.address), text, mail_options=["BODY=8BITMIME"])["event"] == "delivered"
        assert "BODY=8BITMIME" in server.wait_for_messages()[0].mail
    with instance.server() as server:                    # the same in seven bits (RFC 6152 section 3)
        assert instance.send(fresh(server.address), text, mail_options=["BODY=8BITMIME"])["event"] == "delivered"
        taken, = server.wait_for_messages()
        assert "BODY" not in taken.mail and taken.data.isascii()
        assert email.message_from_bytes(taken.data, policy=email.policy.default).get_payload(decode=True) == "gr\u00fc\u00dfe\r\n".encode()
    with instance.server() as server:                    # what has no other form
        signed = message("signed", "--b\r\n\r\ngr\u00fc\u00dfe\r\n--b\r\n\r\nsignature\r\n--b--\r\n", sender="u0001@lab.test").replace(
            b"\r\n\r\n", b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n", 1)
        outcome = instance.send(fresh(server.address), signed, mail_options=["BODY=8BITMIME"])
        assert (outcome["event"], outcome["code"]) == ("failed", "5.6.1")
    with instance.server() as server:                    # it says so, and is not
        plain = message("7bit", sender="u0001@lab.test")
        assert instance.send(fresh(server.address), plain, mail_options=["BODY=8BITMIME"])["event"] == "delivered"
        assert server.messages[0].data.endswith(plain.split(b"\r\n\r\n", 1)[1])


def test_smtputf8_where_it_is_needed(instance):
    text = message("utf8", sender="u0001@lab.test", to="gr\u00fc\u00dfe@b.example")
    options = {"mail_options": ["SMTPUTF8", "BODY=8BITMIME"]}
    with instance.server(extensions=["8BITMIME", "SMTPUTF8"]) as server:
        assert instance.send(fresh(server.address), text, **options)["event"] == "delivered"
        assert "SMTPUTF8" in server.wait_for_messages()[0].mail
    with instance.server(extensions=["8BITMIME"]) as server:
        outcome = instance.send(fresh(server.address), text, **options)
        assert (outcome["event"], outcome["code"]) == ("failed", "5.6.7")
    with instance.server(extensions=["8BITMIME"]) as server:
        assert instance.send(fresh(server.address), message("ascii", sender="u0001@lab.test"), **options)["event"] == "delivered"
        taken, = server.wait_for_messages()
        assert "SMTPUTF8" not in taken.mail and taken.data.endswith(b"this is a test.\r\n")


def test_a_message_over_the_host_s_size_is_not_begun(instance):
    with instance.server(extensions=["SIZE 2000"]) as server:
        outcome = instance.send(fresh(server.address), message("large", "x" * 70 + "\r\n" + "y" * 2000 + "\r\n", sender="u0001@lab.test"))
    assert (outcome["event"], outcome["code"]) == ("failed", "5.3.4")
    assert not any(line.startswith("MAIL") for _, line in server.commands)


def test_reports_that_were_asked_for_are_passed_on(instance):
    with instance.server(extensions=["DSN"]) as server:
        rcpt = fresh(server.address)
        instance.send(rcpt, mail_options=["RET=HDRS", "ENVID=my+2Bid"], rcpt_options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;old+2Bx@b.example"])
        taken, = server.wait_for_messages()
    assert taken.mail.endswith(" RET=HDRS ENVID=my+2Bid")
    assert taken.rcpt == [f"TO:<{rcpt}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;old+2Bx@b.example"]


# ---- connections that are kept -------------------------------------------------------------------------------------------

def test_a_connection_is_used_again(instance):
    with instance.server() as server:
        for _ in range(3):
            assert instance.send(fresh(server.address))["event"] == "delivered"
        assert {taken.session for taken in server.wait_for_messages(3)} == {1}
        server.wait_for_command("QUIT")                  # and ended politely when nobody needs it any more
    assert server.sessions == 1


def test_the_process_that_keeps_a_connection_gets_what_it_is_for(tmp_path, dns):
    """Of several; by turns alone the second message would go to another and over a connection of its own."""
    sender = Sender(tmp_path, dns, ["processes.smtp_out=3", "outbound.idle_time=1min"])
    try:
        sender.start()
        wait_for(lambda: sender.log().count("master.child.ready service=smtp-out") == 3, "all of them")
        with sender.server() as server, sender.server() as other:
            for _ in range(4):
                assert [sender.send(fresh(there.address))["event"] for there in (server, other)] == ["delivered"] * 2
        assert (server.sessions, other.sessions) == (1, 1)
    finally:
        sender.stop()


def test_a_kept_connection_survives_refusals(instance):
    with instance.server({"RCPT": ["550 5.1.1 no", "250 ok"]}, extensions=["PIPELINING"]) as server:
        assert instance.send(fresh(server.address))["event"] == "failed"
        assert instance.send(fresh(server.address))["event"] == "delivered"
    assert server.sessions == 1


@pytest.mark.parametrize("way", ["closed", "says 421", "closes at MAIL"])
def test_a_kept_connection_that_has_ended_is_no_failure(instance, way):
    script = {"MAIL": ["250 ok", CLOSE if way == "closes at MAIL" else "421 4.4.2 idle" if way == "says 421" else "250 ok"]}
    with instance.server(script) as server:
        assert instance.send(fresh(server.address))["event"] == "delivered"
        if way == "closed":
            for connection in list(server.open):
                connection.shutdown(2)
        server.behave("MAIL", script["MAIL"][-1] if way != "closed" else "250 ok", "250 ok")
        rcpt = fresh(server.address)
        assert instance.send(rcpt)["event"] == "delivered"
        assert len(instance.attempts(rcpt)) == 1
    assert server.sessions == 2


# ---- from Postern to Postern -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("tls", ["dane", "none"])
def test_from_one_suite_to_another(instance, tmp_path_factory, dns, tls):
    sender = Sender(tmp_path_factory.mktemp("sender"), dns, [f"outbound.tls_level={tls}"])
    sender.outbound_port = instance.port("smtp")
    sender.settings.append(f"outbound.port={sender.outbound_port}")
    dns.set("mx.second.test", "A 127.0.0.1")
    dns.set(f"{tls}.test", "MX 10 mx.second.test.")
    reader = instance.user(2)
    try:
        sender.start()
        text = message("across", "gr\u00fc\u00dfe\r\n.\r\n", sender="u0001@lab.test", to=f"reader@{tls}.test")
        instance.mailctl("domain", "add", f"{tls}.test")
        instance.mailctl("address", "add", reader.address, f"reader@{tls}.test")
        outcome = sender.send(f"reader@{tls}.test", text, mail_options=["BODY=8BITMIME"])
        assert outcome["event"] == "delivered", outcome
        assert ("TLSv1.3" in outcome["tls"]) == (tls == "dane")
        body = instance.fetch(reader, instance.wait_for_mail(reader)[-1])
        assert body.endswith(text.split(b"\r\n\r\n", 1)[1])
    finally:
        sender.stop()
