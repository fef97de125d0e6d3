"""postern-smtp-client: smtp-out's engine without the suite, with a server of the tests and with the suite's own."""
import os
import pathlib
import subprocess

import pytest

from lab import ROOT
from smtp_server import CLOSE, STALL, SmtpServer

PROGRAM = pathlib.Path(os.environ.get("POSTERN_BUILD") or ROOT / "build" / "release") / "bin" / "postern-smtp-client"


def client(*words, text=None):
    done = subprocess.run([PROGRAM, "--timeout", "2", *map(str, words)], input=text, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def at(server):
    return f"[127.0.0.1]:{server.port}"


def test_it_shows_what_a_host_offers():
    with SmtpServer(extensions=["PIPELINING", "SIZE 1000", "DSN"]) as server:
        code, said, _ = client(at(server))
        assert code == 0 and "in clear" in said and "offers DSN PIPELINING SIZE=1000" in said
        assert not server.messages


@pytest.mark.parametrize("words", [[], ["--no-chunking"], ["--no-pipelining"]])
def test_a_message_arrives_as_it_is(words):
    with SmtpServer(extensions=["PIPELINING", "CHUNKING"]) as server:
        code, said, _ = client(*words, "--from", "ann@a.test", "--message", "-", at(server), "bob@b.test", "eve@b.test", text=b"Subject: x\n\n.dot\n")
        assert code == 0 and "bob@b.test delivered 2.6.0" in said
        taken, = server.messages
        assert (taken.sender, taken.recipients, taken.data) == ("ann@a.test", ["bob@b.test", "eve@b.test"], b"Subject: x\r\n\r\n.dot\r\n")
        assert taken.verb == ("DATA" if words == ["--no-chunking"] else "BDAT")


def test_a_message_is_made_where_none_is_given():
    with SmtpServer() as server:
        assert client(at(server), "bob@b.test")[0] == 0
        assert server.messages[0].sender == "" and b"\r\nMessage-ID: <" in server.messages[0].data


@pytest.mark.parametrize("script, code, word", [
    ({"RCPT": ["550 5.1.1 nobody", "250 ok"]}, 69, "bob@b.test failed 5.1.1 550 5.1.1 nobody"),
    ({"RCPT": ["450 4.2.1 later", "250 ok"]}, 75, "bob@b.test deferred 4.2.1 450 4.2.1 later"),
    ({"connect": "554 no"}, 75, "deferred"),
    ({"connect": CLOSE}, 75, "deferred"),
    ({"content": STALL}, 75, "deferred"),
])
def test_the_exit_code_says_how_it_went(script, code, word):
    with SmtpServer(script) as server:
        found, said, _ = client(at(server), "bob@b.test", "eve@b.test")
        assert found == code and word in said


def test_what_the_command_line_says_goes_into_the_commands():
    with SmtpServer(extensions=["DSN", "SMTPUTF8", "8BITMIME"]) as server:
        assert client("--smtputf8", "--notify", "success,delay", "--ret", "headers", "--envid", "a+b", at(server), "bob@b.test")[0] == 0
        assert "RET=HDRS" in server.messages[0].mail and "ENVID=a+2Bb" in server.messages[0].mail and "SMTPUTF8" in server.messages[0].mail
        assert "NOTIFY=SUCCESS,DELAY" in server.messages[0].rcpt[0]


def test_with_our_own_server(instance, user, tmp_path):
    """TLS whose certificate is checked, a login, and mail that arrives."""
    password = tmp_path / "password"
    password.write_text(user.password + "\n")
    words = ["--tls", "verify", "--authorities", instance.certificate, "--user", user.address, "--password-file", password, "--from", user.address]
    code, said, _ = client(*words, f"localhost:{instance.port('submission')}", user.address)
    assert code == 0 and "verified" in said and f"{user.address} delivered 2." in said
    code, said, _ = client(*words, f"smtps:localhost:{instance.port('submissions')}", user.address)
    assert code == 0
    instance.wait_for_mail(user, 2)
    password.write_text("wrong\n")
    code, said, _ = client(*words, f"localhost:{instance.port('submission')}", user.address)
    assert code == 75 and "5.7.8" in said


@pytest.mark.parametrize("words, code", [([], 64), (["--tls", "maybe", "[127.0.0.1]"], 64), (["--user", "ann", "[127.0.0.1]"], 64),
                                         (["--message", "/nonexistent", "[127.0.0.1]", "a@b.test"], 66), (["no.such.host.invalid"], 68),
                                         (["not a host"], 64), (["--help"], 0)])
def test_wrong_words_are_told(words, code):
    found, said, errors = client(*words)
    assert found == code and said + errors
