"""Next hops that are not a recipient's domain: LMTP, TLS from the first byte, by recipient and by sender."""
import pytest

from certificates import Certificate
from lab import message
from outbound import Sender
from smtp_server import CLOSE, SmtpServer

LMTP, SMTPS = "127.0.210.1", "127.0.210.2"


@pytest.fixture(scope="module")
def instance(tmp_path_factory, dns, authority):
    sender = Sender(tmp_path_factory.mktemp("routes"), dns, [f"outbound.tls_authorities={authority.path}"])
    sender.settings += [f"outbound.tls_policy=smtps:[{SMTPS}]:{sender.outbound_port}=verify",
                        f"outbound.destinations=lmtp.test via=lmtp:[{LMTP}]:{sender.outbound_port}",
                        f"outbound.sender_routes=by-sender.test via=smtps:[{SMTPS}]:{sender.outbound_port}"]
    sender.start()
    sender.mailctl("domain", "add", "by-sender.test")
    sender.mailctl("address", "add", "u0001@lab.test", "me@by-sender.test")
    yield sender
    sender.stop()


def lmtp(instance, script=None, extensions=("PIPELINING",)):
    return SmtpServer(script, address=LMTP, port=instance.outbound_port, lmtp=True, extensions=extensions)


@pytest.mark.parametrize("extensions", [["PIPELINING"], ["CHUNKING"]], ids=["data", "bdat"])
def test_lmtp_answers_for_each_recipient(instance, extensions):
    verb = extensions[0].lower()
    good, gone, full = (f"{name}-{verb}@lmtp.test" for name in ("good", "gone", "full"))
    with lmtp(instance, {"RCPT": lambda _, argument: "550 5.1.1 who?" if gone in argument else "250 ok",
                         "content": ["250 2.1.5 stored", "452 4.2.2 over quota"]}, extensions) as server:
        instance.submit([good, gone, full], message("lmtp", ".dot\r\n", sender="u0001@lab.test"))
        assert instance.outcome(good)["event"] == "delivered"
        outcomes = [instance.outcome(rcpt) for rcpt in (gone, full)]
        taken, = server.wait_for_messages()
        server.wait_for_command("QUIT")
    assert [(o["event"], o["code"]) for o in outcomes] == [("failed", "5.1.1"), ("deferred", "4.2.2")]
    assert taken.recipients == [good, full] and taken.data.endswith(b"\r\n\r\n.dot\r\n")
    assert server.commands[0][1] == "LHLO mail.lab.test"


def test_lmtp_that_ends_between_two_answers(instance):
    one, two = "one@lmtp.test", "two@lmtp.test"
    with lmtp(instance, {"content": ["250 2.1.5 stored", CLOSE]}):
        instance.submit([one, two])
        assert instance.outcome(one)["event"] == "delivered"
        outcome = instance.outcome(two)
    assert outcome["event"] == "deferred" and "it may have arrived" in outcome["reply"]


@pytest.mark.parametrize("trusted", [True, False])
def test_tls_from_the_first_byte(instance, tmp_path, authority, trusted):
    rcpt = f"tls-{trusted}@elsewhere.test".lower()
    certificate = Certificate(tmp_path, [SMTPS], authority if trusted else None)
    with SmtpServer(address=SMTPS, port=instance.outbound_port, tls=certificate.tls, implicit=True) as server:
        outcome = instance.send(rcpt, message("smtps", sender="me@by-sender.test"), sender="me@by-sender.test")
        assert outcome["hop"].startswith("smtps:")
        if trusted:
            assert outcome["event"] == "delivered" and outcome["tls"].startswith("TLSv1.3 ") and outcome["tls"].endswith(" verified"), outcome
            server.wait_for_command("QUIT")
        else:
            assert (outcome["event"], outcome["code"]) == ("deferred", "4.7.5"), outcome
    assert len(server.messages) == trusted and not any(line.startswith("STARTTLS") for _, line in server.commands)
