"""Every message of ../shared/testdata goes in by APPEND, and by SMTP where its bytes are legal, and comes back byte for
byte; ENVELOPE and BODYSTRUCTURE of all of them can be fetched. Run under the sanitizer build too."""
import pathlib
import re
import smtplib

import pytest

from conftest import TESTDATA
from lab import fetch_body

OTHER_FILES = {".json", ".xml", ".out", ".golden", ".png", ".jpg", ".tiff", ".bin", ".pub", ".uu"}
HEADER = re.compile(rb"(From .*\r?\n|>From .*\r?\n)?[A-Za-z][A-Za-z0-9-]*[ \t]*:")
SMTP_LINE = 998
# Two From fields, by those who test what a verifier of signatures makes of that (postern-smtpd(8), Headers).
TWO_AUTHORS = {"corpus/spamassassin/dkim/test-fail-04.msg"}


def messages():
    found = []
    for folder in ("mime", "corpus"):
        for path in sorted((TESTDATA / folder).rglob("*")):
            if not path.is_file() or path.suffix in OTHER_FILES or path.name.startswith(("LICENSE", "NOTICE", "COPYING")):
                continue
            content = path.read_bytes()
            if content and (path.suffix in (".eml", ".msg", ".raw") or HEADER.match(content)):
                found.append((str(path.relative_to(TESTDATA)), content))
    return found


def as_sent(content):
    """The canonical form a client would send, or nothing: lines end with CRLF, no lone CR or LF, no NUL, no long line."""
    if b"\r" not in content:
        content = content.replace(b"\n", b"\r\n")
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    lines = content[:-2].split(b"\r\n")
    legal = not any(b"\r" in line or b"\n" in line or b"\0" in line or len(line) > SMTP_LINE for line in lines)
    return content if legal else None


@pytest.fixture(scope="module")
def corpus():
    found = messages()
    assert len(found) > 800, f"test data is missing below {TESTDATA}"
    return found


def describe_all(session, uids):
    """ENVELOPE and BODYSTRUCTURE of every message: no NO, no BAD, no end of the connection."""
    for uid in uids:
        status, parts = session.uid("fetch", uid, "(UID ENVELOPE BODYSTRUCTURE RFC822.SIZE)")
        assert status == "OK" and parts and parts[0], (uid, status, parts)


def test_append_keeps_every_byte(instance, user, corpus):
    with instance.imap(user) as session:
        kept, odd = {}, []
        session.select()
        for name, content in corpus:
            if b"\0" in content:                         # RFC 3501 section 9: a literal holds no NUL
                continue
            # imaplib repairs line ends in append(): the literal is sent by hand.
            tag = session._new_tag()
            session.send(tag + b" APPEND INBOX {%d}\r\n" % len(content))
            assert session.readline().startswith(b"+"), name
            session.send(content + b"\r\n")
            while not (line := session.readline()).startswith(tag):
                assert line, f"the connection ended at {name}"
            match = re.search(rb"OK \[APPENDUID \d+ (\d+)\]", line)
            if match:
                kept[match.group(1)] = (name, content)
            else:
                odd.append((name, line))
        assert not odd
        session.select()
        changed = [name for uid, (name, content) in kept.items() if fetch_body(session, uid) != content]
        assert not changed
        describe_all(session, kept)


def test_smtp_keeps_every_byte(instance, user, corpus):
    sent = {}
    local, domain = user.address.split("@")
    with instance.smtp() as session:
        for name, content in corpus:
            message = as_sent(content)
            if message is None:
                continue
            detail = f"m{len(sent)}"
            if name in TWO_AUTHORS:
                with pytest.raises(smtplib.SMTPDataError, match="5.6.0 Message has more than one From header"):
                    session.sendmail("", [user.address], message)
                continue
            session.sendmail("", [f"{local}+{detail}@{domain}"], message)
            sent[detail] = (name, message)
    assert len(sent) > 600
    uids = instance.wait_for_mail(user, len(sent))
    assert len(uids) == len(sent)
    with instance.imap(user) as session:
        session.select()
        changed, seen = [], set()
        for uid in uids:
            body = fetch_body(session, uid)
            detail = re.search(rb"^\tfor <[^+>]*\+(m\d+)@", body, re.MULTILINE).group(1).decode()
            seen.add(detail)
            name, message = sent[detail]
            added = body[:len(body) - len(message)]      # our trace header, and nothing else
            if not body.endswith(message) or not added.startswith(b"Return-Path: <>\r\n") or b"\r\n\r\n" in added:
                changed.append(name)
        assert not changed
        assert seen == set(sent)
        describe_all(session, uids)
