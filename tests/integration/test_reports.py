"""Delivery reports as a reader sees them that is not ours: Python's email package. The reports are those that the unit tests
compose (tests/unit/delivery/report_samples.cc)."""
import email
import email.policy
import os
import pathlib
import subprocess

import pytest

from lab import ROOT

BUILD = pathlib.Path(os.environ.get("POSTERN_BUILD") or ROOT / "build" / "release")
PARTS = {
    "failed": ["text/plain", "message/delivery-status", "message/rfc822"],
    "headers": ["text/plain", "message/delivery-status", "text/rfc822-headers"],
    "delayed": ["text/plain", "message/delivery-status", "text/rfc822-headers"],
    "delivered": ["text/plain", "message/delivery-status", "text/rfc822-headers"],
    "postmaster": ["text/plain", "message/delivery-status", "message/rfc822"],
    "eight_bit": ["text/plain", "message/delivery-status", "message/rfc822"],
    "broken_header": ["text/plain", "message/delivery-status", "text/rfc822-headers"],
    "hostile": ["text/plain", "message/delivery-status", "message/rfc822"],
    "global_ascii": ["text/plain", "message/delivery-status", "message/global"],
    "global": ["text/plain", "message/global-delivery-status", "message/global"],
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    subprocess.run([BUILD / "bin" / "report_samples", folder], check=True)
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


def read(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert not message.defects
    return message


def status(report):
    """The groups of fields of the machine's part, that of the message first."""
    part = list(report.iter_parts())[1]
    text = part.get_payload(decode=True).decode() if part.get_content_type().startswith("message/global") else None
    groups = part.get_payload() if text is None else [email.message_from_string(g) for g in text.split("\n\n")]
    return [{name: str(value) for name, value in group.items()} for group in groups]


def test_every_sample_is_expected(written):
    assert sorted(written) == sorted(PARTS)


@pytest.mark.parametrize("name", PARTS)
def test_every_report_has_its_three_parts(written, name):
    report = read(written[name])
    assert report.get_content_type() == "multipart/report"
    parts = [part.get_content_type() for part in report.iter_parts()]
    assert parts == PARTS[name]
    assert report.get_param("report-type") == parts[1].partition("/")[2]
    assert report["Auto-Submitted"] == "auto-replied" and report["MIME-Version"] == "1.0"
    assert report["From"].addresses[0].addr_spec == "MAILER-DAEMON@mx.lab.test"
    assert len(report["To"].addresses) == 1 and report["Date"].datetime and report["Message-ID"]


@pytest.mark.parametrize("name", PARTS)
def test_every_line_is_legal(written, name):
    raw = written[name]
    assert raw.endswith(b"\r\n") and b"\0" not in raw
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998 and not any(b"\r" in line or b"\n" in line for line in lines)
    if name not in ("eight_bit", "global"):
        assert raw.isascii()


def test_fields_say_who_when_and_why(written):
    message, recipient = status(read(written["failed"]))
    assert message == {"Reporting-MTA": "dns; mx.lab.test", "Arrival-Date": "Sat, 21 Nov 2026 08:40:00 +0000"}
    assert recipient == {
        "Final-Recipient": "rfc822; bob@elsewhere.example", "Action": "failed", "Status": "5.1.1",
        "Remote-MTA": "dns; mx.elsewhere.example", "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
        "Last-Attempt-Date": "Sat, 21 Nov 2026 09:00:00 +0000"}
    message, recipient = status(read(written["delivered"]))
    assert message["Original-Envelope-Id"] == "QQ314159"
    assert recipient["Original-Recipient"] == "rfc822; Bob@elsewhere.example" and recipient["Action"] == "delivered"
    assert status(read(written["delayed"]))[1]["Will-Retry-Until"] == "Thu, 26 Nov 2026 08:40:00 +0000"


def test_the_message_comes_back_as_it_was(written):
    returned = list(read(written["failed"]).iter_parts())[2].get_content()
    assert returned["Subject"] == "greetings" and returned["Received"].startswith("from host by mx.lab.test")
    assert returned.get_content() == "Hello.\r\n"
    header = list(read(written["broken_header"]).iter_parts())[2].get_payload(decode=True)
    assert header.startswith(b"Received: ") and b"\r\ngarbage\r\nSubject: caf\xe9\r\nX: xxx" in header


def test_words_of_a_server_are_only_words(written):
    assert b"\r\nX-Evil:" not in written["hostile"]
    message, recipient = status(read(written["hostile"]))
    assert message["Original-Envelope-Id"] == "a  X-Evil: 3"
    assert recipient["Diagnostic-Code"] == "smtp; 550 no  X-Evil: 1    --x"


def test_internationalized_addresses(written):
    assert status(read(written["global_ascii"]))[1]["Final-Recipient"] == r"utf-8; b\x{F6}b@elsewhere.example"
    words = list(read(written["global_ascii"]).iter_parts())[0].get_content()
    assert "böb@elsewhere.example" in words
    report = read(written["global"])
    assert report["To"] == "änn@lab.test" and "grüß".encode() in written["global"]
