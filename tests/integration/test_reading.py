"""Mail is read by clients we did not write: curl, imaplib, mbsync, mutt, imapflow."""
import json
import os
import pathlib
import signal
import subprocess
import threading

import pytest

from lab import message, run

CLIENTS = pathlib.Path(__file__).parent / "clients"
FOLDERS = {"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"}


def put(instance, user, *subjects):
    for subject in subjects:
        instance.send(None, user, message(subject, to=user.address))
    return instance.wait_for_mail(user, len(subjects))


@pytest.mark.parametrize("scheme, port", [("imap", "imap"), ("imaps", "imaps")])
def test_curl(instance, user, scheme, port):
    put(instance, user, "curl-reads")
    common = ["curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", instance.certificate,
              "--user", f"{user.address}:{user.password}"]
    url = f"{scheme}://localhost:{instance.port(port)}"
    assert "Subject: curl-reads" in run([*common, f"{url}/INBOX;MAILINDEX=1"])
    assert "INBOX" in run([*common, url])
    assert "* SEARCH 1" in run([*common, f"{url}/INBOX?SUBJECT%20curl-reads"])
    run([*common, f"{url}/INBOX", "--request", r"STORE 1 +FLAGS (\Flagged)"])
    assert "Flagged" in run([*common, f"{url}/INBOX", "--request", "FETCH 1 FLAGS"])


def test_curl_appends(instance, user, tmp_path):
    mail = tmp_path / "mail"
    mail.write_bytes(message("curl-appends"))
    run(["curl", "--silent", "--show-error", "--cacert", instance.certificate, "--user", f"{user.address}:{user.password}",
         f"imaps://localhost:{instance.port('imaps')}/Drafts", "--upload-file", mail])
    uid = instance.wait_for_mail(user, folder="Drafts")[0]
    assert instance.fetch(user, uid, "Drafts") == mail.read_bytes()


@pytest.mark.parametrize("implicit", [False, True])
def test_imaplib(instance, user, implicit):
    put(instance, user, "one", "two", "three")
    with instance.imap(user, implicit=implicit) as session:
        names = {line.decode().rsplit(" ", 1)[1].strip('"') for line in session.list()[1]}
        assert FOLDERS <= names
        session.select()
        assert session.search(None, "SUBJECT", "two")[1] == [b"2"]
        assert session.search(None, "NOT", "SEEN")[1] == [b"1 2 3"]
        session.store("2", "+FLAGS", r"(\Seen $Important)")
        assert session.search(None, "SEEN")[1] == [b"2"]
        session.copy("1", "Archive")
        session.uid("move", "2", "Trash")
        session.store("1", "+FLAGS", r"(\Deleted)")
        session.expunge()
        assert session.search(None, "ALL")[1] == [b"1"]
        session.select("Trash")
        flags = session.fetch("1", "(FLAGS)")[1][0]
        assert b"\\Seen" in flags and b"$Important" in flags
        session.create("Projects/2026")
        assert session.status("Projects/2026", "(MESSAGES UIDNEXT UIDVALIDITY)")[0] == "OK"
        session.rename("Projects/2026", "Projects/Done")
        session.delete("Projects/Done")


def test_idle_tells_of_a_new_message(instance, user):
    with instance.imap(user) as session:
        session.select()
        tag = session._new_tag()
        session.send(tag + b" IDLE\r\n")
        assert session.readline().startswith(b"+")
        instance.send(None, user, message("wake up"))
        lines = []
        while not any(b"EXISTS" in line for line in lines):
            lines.append(session.readline())
            assert lines[-1], "the connection ended"
        session.send(b"DONE\r\n")
        while not lines[-1].startswith(tag):
            lines.append(session.readline())
        assert b"OK" in lines[-1]


def test_mbsync_keeps_two_sides_equal(instance, user, tmp_path):
    put(instance, user, "sync-1", "sync-2")
    (tmp_path / "mail").mkdir()
    rc = tmp_path / "mbsyncrc"
    rc.write_text(f"""
IMAPAccount lab
Host localhost
Port {instance.port('imaps')}
User {user.address}
Pass {user.password}
SSLType IMAPS
CertificateFile {instance.certificate}

IMAPStore remote
Account lab

MaildirStore local
Path {tmp_path}/mail/
Inbox {tmp_path}/mail/INBOX
SubFolders Verbatim

Channel all
Far :remote:
Near :local:
Patterns *
Create Both
Expunge Both
SyncState *
""")
    sync = ["mbsync", "--config", rc, "--all"]
    run(sync)
    inbox = tmp_path / "mail" / "INBOX"
    files = [path for part in ("new", "cur") for path in (inbox / part).iterdir()]
    assert len(files) == 2
    seen = sorted(files)[0]                              # read on this side: mbsync must carry the flag over
    target = inbox / "cur" / (seen.name.split(":")[0] + ":2,FS")
    seen.rename(target)
    run(sync)
    with instance.imap(user) as session:
        session.select()
        assert len(session.search(None, "FLAGGED", "SEEN")[1][0].split()) == 1
        session.store("1:*", "+FLAGS", r"(\Deleted)")
        session.expunge()
    run(sync)
    assert not [path for part in ("new", "cur") for path in (inbox / part).iterdir()]


def test_mutt_in_batch(instance, user, other, tmp_path):
    rc = tmp_path / "muttrc"
    rc.write_text(f"set ssl_starttls=yes\nset ssl_force_tls=yes\nset certificate_file={instance.certificate}\n"
                  f"set ssl_verify_host=no\nset folder=imaps://localhost:{instance.port('imaps')}/\n"
                  f"set imap_user={user.address}\nset imap_pass={user.password}\n"
                  f"set smtp_url=smtps://{user.address}@localhost:{instance.port('submissions')}/\n"
                  f"set smtp_pass={user.password}\nset from={user.address}\nset use_from=yes\nset realname=Mutt\n"
                  "set record=+Sent\nset copy=yes\n")
    home = dict(os.environ, HOME=str(tmp_path), TERM="dumb")
    run(["mutt", "-F", rc, "-n", "-s", "from mutt", other.address], stdin=b"Written by mutt.\n", env=home)
    body = instance.fetch(other, instance.wait_for_mail(other)[0])
    assert b"Subject: from mutt" in body
    sent = instance.wait_for_mail(user, folder="Sent")                        # by APPEND
    assert b"Written by mutt." in instance.fetch(user, sent[0], "Sent")


@pytest.mark.parametrize("secure, port", [("true", "imaps"), ("false", "imap")])
def test_imapflow(instance, user, secure, port):
    put(instance, user, "first")
    client = subprocess.Popen(["node", CLIENTS / "read.js", str(instance.port(port)), secure, user.address, user.password,
                               str(instance.certificate)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    killer = threading.Timer(60, client.kill)
    killer.start()
    try:
        assert client.stdout.readline() == "ready\n", client.stderr.read()
        instance.send(None, user, message("second"))
        out, errors = client.communicate()
    finally:
        killer.cancel()
        client.kill()
    assert client.returncode == 0, errors
    saw = json.loads(out)
    assert FOLDERS <= set(saw["folders"])
    assert saw["exists"] == 2
    assert saw["subject"] == "first" and saw["type"] == "text/plain" and saw["size"] > 100
    assert saw["flagged"] == [1] and saw["found"] == [2]
    assert saw["left"] == 1 and saw["archived"] == 1


def test_a_session_whose_imapd_dies_is_told_bye(instance, user):
    put(instance, user, "stays")
    session = instance.imap(user)
    session.select()
    for pid in next(pids for name, pids in instance.processes().items() if name.startswith("imapd")):
        os.kill(pid, signal.SIGKILL)
    assert session.readline().startswith(b"* BYE [UNAVAILABLE]")
    assert session.readline() == b""
    session.shutdown()
    assert instance.wait_for_mail(user, 1)          # a new imapd, the same mail
