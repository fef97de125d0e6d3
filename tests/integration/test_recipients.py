"""Who gets a message, and how much: aliases, groups, subaddresses, roles, limits of size, quotas, backup MX."""
import datetime
import itertools
import json
import os
import shutil
import signal
import smtplib
import socket

import pytest

from lab import Instance, message, run, wait_for

STRANGER = "bob@elsewhere.example"
tests = itertools.count(1)
swaks = pytest.mark.skipif(not shutil.which("swaks"), reason="no swaks")


@pytest.fixture(scope="module")
def domain(instance):
    name = "recipients.example"
    instance.mailctl("domain", "add", name, "--separator", "+-")
    return name


@pytest.fixture
def name(domain):
    """An address of this test's own."""
    return f"test{next(tests)}@{domain}"


def rcpt(instance, recipient, sender=STRANGER, user=None, size=None):
    """(code, text) of RCPT, on port 25 or as a user who has logged in."""
    with instance.smtp(user) as session:
        session.ehlo_or_helo_if_needed()
        code, text = session.mail(sender, [f"SIZE={size}"] if size else [])
        if code != 250:
            return code, text.decode()
        code, text = session.rcpt(recipient)
        return code, text.decode()


def deliver(instance, recipients, text, sender=STRANGER, user=None):
    """(code, text) of the end of data; no SIZE is said."""
    with instance.smtp(user) as session:
        session.helo("client.example") if user is None else session.ehlo()
        assert session.mail(sender)[0] == 250
        for recipient in recipients:
            assert session.rcpt(recipient)[0] == 250
        code, reply = session.data(text)
        return code, reply.decode()


def show(instance, address):
    return json.loads(instance.mailctl("account", "show", address, "--json"))


def until_used(instance, user, messages):
    """What authd's answer says the mailbox holds, once it holds that many."""
    def used():
        account = show(instance, user.address)
        return account if account["used_messages"] == messages else None
    return wait_for(used, f"{messages} messages in {user.address}")


# -- aliases and groups

def test_nested_aliases_and_groups_bring_one_copy(instance, user, other, domain, name):
    inner, group = f"inner.{name}", f"group.{name}"
    instance.mailctl("alias", "add", inner, user.address, other.address)
    instance.mailctl("group", "add", group, other.address, inner, "--posting", "anyone")
    instance.mailctl("alias", "add", name, inner, group, user.address)
    assert deliver(instance, [name, user.address, group], message("one-copy"))[0] == 250
    instance.send(None, user, message("after"))
    instance.send(None, other, message("after"))
    for each in (user, other):
        assert len(instance.wait_for_mail(each, 2)) == 2
    assert b"one-copy" in instance.fetch(user, b"1")


def test_an_alias_that_leads_back_to_itself_is_refused_when_made(instance, user, name):
    instance.mailctl("alias", "add", name, f"second.{name}")
    with pytest.raises(AssertionError, match="back to itself"):
        instance.mailctl("alias", "add", f"second.{name}", f"third.{name}", name)
    assert rcpt(instance, f"second.{name}")[0] == 550


def test_a_loop_that_a_later_change_closes_is_answered_with_5_4_6(instance, user):
    domain = "loop.example"
    instance.mailctl("domain", "add", domain, "--separator", "")
    instance.mailctl("alias", "add", f"a@{domain}", f"b+x@{domain}")
    instance.mailctl("alias", "add", f"b@{domain}", f"a@{domain}")
    assert rcpt(instance, f"a@{domain}")[1].startswith("5.1.1")
    instance.mailctl("domain", "set", domain, "--separator", "+")
    code, text = rcpt(instance, f"a@{domain}")
    assert (code, text[:5]) == (550, "5.4.6")
    wait_for(lambda: f"auth.alias.loop address=a@{domain}" in instance.log(), "the event")


def test_dated_aliases(instance, user, name):
    today = datetime.date.today()
    day = datetime.timedelta(days=1)
    for number, (options, code) in enumerate([
            (["--until", str(today - day)], 550), (["--until", str(today)], 250), (["--from", str(today + day)], 550),
            (["--from", str(today), "--until", str(today + day)], 250), (["--inactive"], 550)]):
        address = f"{number}.{name}"
        instance.mailctl("alias", "add", address, user.address, *options)
        assert rcpt(instance, address)[0] == code, options
    assert "not yet" in instance.mailctl("alias", "show", f"2.{name}")
    instance.mailctl("alias", "set", f"2.{name}", user.address)
    assert rcpt(instance, f"2.{name}")[0] == 250


def test_who_may_post_to_a_group(instance, user, other, name):
    instance.mailctl("group", "add", name, user.address)
    code, text = rcpt(instance, name, sender=user.address)               # port 25: anybody can say so
    assert (code, text[:5]) == (550, "5.7.1")
    assert rcpt(instance, name, sender=other.address, user=other)[0] == 550
    assert rcpt(instance, name, sender=user.address, user=user)[0] == 250
    instance.mailctl("group", "set", name, "--posting", "listed", "--posters", f"{other.address},{STRANGER}")
    assert rcpt(instance, name, sender=other.address, user=other)[0] == 250
    assert rcpt(instance, name, sender=user.address, user=user)[0] == 550
    assert rcpt(instance, name)[0] == 250
    instance.mailctl("group", "set", name, "--posting", "domain")
    assert rcpt(instance, name, sender=user.address, user=user)[0] == 550    # no address in that domain
    instance.mailctl("address", "add", user.address, f"own.{name}")
    assert rcpt(instance, name, sender=user.address, user=user)[0] == 250
    instance.mailctl("group", "set", name, "--posting", "anyone")
    instance.mailctl("group", "add-member", name, other.address)
    instance.mailctl("group", "remove-member", name, user.address)
    assert deliver(instance, [name], message("to-the-group"))[0] == 250
    assert b"to-the-group" in instance.fetch(other, instance.wait_for_mail(other)[0])
    with instance.smtp(other) as session:                                    # and is no sender
        session.ehlo()
        assert session.mail(name)[0] == 550


@swaks
def test_swaks_to_a_group(instance, user, name):
    instance.mailctl("group", "add", name, user.address)
    server = ["--server", "localhost", "--port", instance.port("submission"), "--tls", "--auth", "PLAIN",
              "--auth-user", user.address, "--auth-password", user.password, "--helo", "client.example"]
    run(["swaks", *server, "--from", user.address, "--to", name, "--header", "Subject: by swaks"])
    assert b"by swaks" in instance.fetch(user, instance.wait_for_mail(user)[0])


def test_an_alias_that_leads_elsewhere_too_brings_its_own_copies_and_queues_the_rest(instance, user, name):
    instance.mailctl("alias", "add", name, user.address, "far@elsewhere.example")
    assert deliver(instance, [name], message("partly-foreign"))[0] == 250
    assert b"partly-foreign" in instance.fetch(user, instance.wait_for_mail(user)[0])

    def waits():
        rows = json.loads(instance.mailctl("queue", "list", "--json"))
        return [row for row in rows if row["first_recipient"] in (name, "far@elsewhere.example") and "DNS does not answer" in row["last_error"]]
    assert wait_for(waits, "the copy for elsewhere, and only it")[0]["recipients_waiting"] == 1


# -- subaddresses, catch-all, roles

def test_exact_then_subaddress_then_role_then_catch_all(instance, user, other):
    domain = "order.example"
    instance.mailctl("domain", "add", domain, "--separator", "+-", "--catch-all", other.address)
    instance.mailctl("address", "add", user.address, f"jean@{domain}")
    instance.mailctl("address", "add", other.address, f"jean-luc@{domain}")
    for number, recipient in enumerate([f"jean@{domain}", f"jean-x@{domain}", f"Jean+luc@{domain}"], 1):
        assert deliver(instance, [recipient], message(f"jean-{number}"))[0] == 250
        assert len(instance.wait_for_mail(user, number)) == number
    for number, recipient in enumerate([f"jean-luc@{domain}", f"nobody@{domain}"], 1):
        assert deliver(instance, [recipient], message(f"other-{number}"))[0] == 250
        assert len(instance.wait_for_mail(other, number)) == number
    assert f"Delivered-To: jean-x@{domain}".encode() in instance.fetch(user, b"2")


@pytest.mark.parametrize("recipient", ["postmaster", "Postmaster@recipients.example", "abuse@recipients.example",
                                       "hostmaster@recipients.example", "security@recipients.example", "noc@recipients.example",
                                       "webmaster@recipients.example"])
def test_roles_reach_somebody(instance, domain, recipient):
    assert rcpt(instance, recipient)[0] == 250


def test_postmaster_is_taken_where_its_mailbox_is_full(instance, user, domain):
    instance.mailctl("account", "set", user.address, "--quota-messages", "1", "--max-message", "2KB")
    instance.mailctl("alias", "add", f"postmaster@{domain}", user.address)
    try:
        instance.send(None, user, message("fills"))
        instance.wait_for_mail(user)
        wait_for(lambda: rcpt(instance, user.address)[0] == 552, "a full mailbox")
        assert rcpt(instance, f"postmaster@{domain}", size=100_000)[0] == 250
    finally:
        instance.mailctl("alias", "delete", f"postmaster@{domain}")


# -- size

def test_sizes_of_domain_and_account(instance, user, other, domain):
    instance.mailctl("account", "set", user.address, "--max-message", "4KiB")
    with instance.smtp() as session:
        session.ehlo()
        assert session.esmtp_features["size"] == str(25 * 1024 * 1024)      # of the server, as ever
    code, text = rcpt(instance, user.address, size=5000)
    assert (code, text[:5]) == (552, "5.2.3")
    assert rcpt(instance, user.address, size=4000)[0] == 250
    large = message("large", ("x" * 70 + "\r\n") * 80)
    code, text = deliver(instance, [user.address], large)
    assert (code, text[:5]) == (552, "5.2.3")
    code, text = deliver(instance, [other.address, user.address], large)     # its rule binds the message
    assert (code, text[:5]) == (552, "5.2.3")
    code, text = rcpt(instance, other.address, sender=user.address, user=user, size=5000)
    assert (code, text[:5]) == (552, "5.3.4")
    code, text = deliver(instance, [other.address], large, sender=user.address, user=user)
    assert (code, text[:5]) == (552, "5.3.4")
    with pytest.raises(smtplib.SMTPResponseException) as refused, instance.smtp(user) as session:
        session.sendmail(user.address, [other.address], large)               # says SIZE
    assert refused.value.smtp_code == 552
    assert "4.0 KiB" in instance.mailctl("account", "show", user.address)
    instance.mailctl("account", "set", user.address, "--max-message", "default")
    instance.mailctl("domain", "set", domain, "--max-message", "2KiB")
    instance.mailctl("address", "add", user.address, f"own.{user.address.split('@')[0]}@{domain}", "--primary")
    try:
        assert rcpt(instance, user.address, size=3000)[0] == 552
        assert "2.0 KiB (domain)" in instance.mailctl("account", "show", user.address)
    finally:
        instance.mailctl("address", "add", user.address, user.address, "--primary")
        instance.mailctl("domain", "set", domain, "--max-message", "default")
    assert rcpt(instance, user.address, size=3000)[0] == 250


# -- quota

def test_a_full_mailbox_is_refused_in_the_session_until_there_is_room(instance, user, other):
    instance.mailctl("account", "set", user.address, "--quota", "6KiB")
    text = message("five-kilobytes", ("x" * 78 + "\r\n") * 60)
    assert rcpt(instance, user.address, size=7000)[0] == 552                 # more than all of it
    assert deliver(instance, [user.address], text)[0] == 250
    account = until_used(instance, user, 1)
    assert len(text) <= account["used_bytes"] < 6144
    code, reply = rcpt(instance, user.address, size=len(text))
    assert (code, reply[:5]) == (552, "5.2.2")
    assert rcpt(instance, user.address)[0] == 250                            # there is some room
    code, reply = deliver(instance, [user.address], text)                    # but not that much
    assert (code, reply[:5]) == (552, "5.2.2")
    assert deliver(instance, [user.address, other.address], text)[0] == 250  # the other one has: this is the last for both
    until_used(instance, user, 2)
    code, reply = rcpt(instance, user.address)
    assert (code, reply[:5]) == (552, "5.2.2")
    assert len(instance.wait_for_mail(user, 2)) == 2
    with instance.imap(user) as session:
        session.select("INBOX")
        session.store("1:*", "+FLAGS", "\\Deleted")
        session.expunge()
    wait_for(lambda: rcpt(instance, user.address, size=len(text))[0] == 250, "room after an expunge")


def test_a_quota_of_messages_and_what_disabled_means(instance, user):
    instance.mailctl("account", "set", user.address, "--quota-messages", "2")
    for number in range(2):
        instance.send(None, user, message(f"counted-{number}"))
    instance.wait_for_mail(user, 2)
    wait_for(lambda: rcpt(instance, user.address)[0] == 552, "two messages to be known")
    instance.mailctl("account", "set", user.address, "--quota-messages", "none")
    assert rcpt(instance, user.address)[0] == 250
    instance.mailctl("account", "set", user.address, "--status", "disabled")
    code, text = rcpt(instance, user.address)
    assert (code, text[:5]) == (550, "5.2.1")
    instance.mailctl("account", "set", user.address, "--status", "suspended")
    assert rcpt(instance, user.address)[0] == 250                            # receives, and may not log in


def test_another_quota_counts_at_once_for_deliveries_and_open_sessions(instance, user):
    instance.mailctl("account", "set", user.address, "--quota-messages", "1")
    instance.send(None, user, message("the only one"))
    instance.wait_for_mail(user)                                             # by a login that learns the quota
    instance.mailctl("account", "set", user.address, "--quota-messages", "none")
    for number in range(3):
        instance.send(None, user, message(f"more-{number}"))
    until_used(instance, user, 4)                                            # none waits for a login
    with instance.imap(user) as session:
        assert session.append("INBOX", None, None, message("appended"))[0] == "OK"
        instance.mailctl("account", "set", user.address, "--quota-messages", "5")

        def refused():
            code, text = session.append("INBOX", None, None, message("too many"))
            return code == "NO" and b"OVERQUOTA" in text[0]
        wait_for(refused, "the quota to reach the session")


@pytest.mark.parametrize("daemon", ["authd", "imapd"])
def test_what_a_mailbox_holds_is_learnt_again_after_a_crash(instance, user, daemon):
    instance.mailctl("account", "set", user.address, "--quota-messages", "1")
    instance.send(None, user, message("full"))
    instance.wait_for_mail(user)
    wait_for(lambda: rcpt(instance, user.address)[0] == 552, "the quota")
    before = instance.processes()[daemon]
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: set(instance.processes().get(daemon, [])) - set(before), f"a new {daemon}")

    def refused():
        code = rcpt(instance, user.address)[0]
        assert code in (250, 451, 552)                                       # not known yet, authd away, known
        return code == 552
    wait_for(refused, "the quota, learnt again")
    with instance.imap(user) as session:
        session.select("INBOX")
        session.store("1", "+FLAGS", "\\Deleted")
        session.expunge()
    wait_for(lambda: rcpt(instance, user.address)[0] == 250, "a change, told to who asked anew")


# -- backup MX

def test_a_backup_mx_queues_for_any_recipient_and_relays_for_nobody_else(instance, user):
    domain = "backup.example"
    instance.mailctl("domain", "add", domain, "--backup-mx", "on")
    instance.mailctl("alias", "add", f"here@{domain}", user.address)
    assert deliver(instance, [f"anyone@{domain}", f"here@{domain}"], message("held"))[0] == 250
    assert b"held" in instance.fetch(user, instance.wait_for_mail(user)[0])

    def waits():
        rows = json.loads(instance.mailctl("queue", "list", "--json"))
        return [row for row in rows if row["first_recipient"] == f"anyone@{domain}" and "DNS does not answer" in row["last_error"]]
    assert wait_for(waits, "its message")
    assert rcpt(instance, "anyone@elsewhere.example")[0] == 550
    assert rcpt(instance, f"anyone@sub.{domain}")[0] == 550
    instance.mailctl("domain", "set", domain, "--backup-mx", "off")
    assert rcpt(instance, f"anyone@{domain}")[0] == 550


def test_a_backup_mx_with_a_list_takes_nobody_else(instance, user):
    domain = "listed.example"
    instance.mailctl("domain", "add", domain, "--backup-mx", "on")
    assert "ANY recipient" in instance.mailctl("domain", "show", domain)
    names = [f"user{number}" for number in range(2500)]
    lines = "".join(f"{name}@{domain} OK\n" for name in names[:-1]) + f"# by its name\n\n{names[-1]}\n"
    assert "2500 recipients" in instance.mailctl("backup-mx", "import", domain, "-", stdin=lines.encode())
    assert "for 2500 listed recipients" in instance.mailctl("domain", "show", domain)
    listed = json.loads(instance.mailctl("backup-mx", "list", domain, "--json"))
    assert sorted(row["address"] for row in listed) == sorted(f"{name}@{domain}" for name in names)
    for known in ("user0", "USER1234", "user2499", "user7+lists", "postmaster"):
        assert rcpt(instance, f"{known}@{domain}")[0] == 250, known
    for unknown in ("user2500", "anyone"):
        code, text = rcpt(instance, f"{unknown}@{domain}")
        assert (code, text[:5]) == (550, "5.1.1"), unknown
    assert deliver(instance, [f"user0@{domain}"], message("for a listed one"))[0] == 250

    instance.mailctl("backup-mx", "import", domain, "-", stdin=b"anyone\n")             # replaced whole
    assert rcpt(instance, f"anyone@{domain}")[0] == 250 and rcpt(instance, f"user0@{domain}")[0] == 550
    for wrong in ("", "# nobody\n", f"other\nann@{user.address.split('@')[1]}\n", "two words@x\n@\n"):
        with pytest.raises(AssertionError):
            instance.mailctl("backup-mx", "import", domain, "-", stdin=wrong.encode())
    assert rcpt(instance, f"anyone@{domain}")[0] == 250 and rcpt(instance, f"other@{domain}")[0] == 550
    instance.mailctl("backup-mx", "clear", domain)
    assert rcpt(instance, f"other@{domain}")[0] == 250
    assert "ANY recipient" in instance.mailctl("domain", "show", domain)


# -- address literals

@pytest.fixture(scope="module")
def by_nat(tmp_path_factory):
    """203.0.113.25 leads here, by NAT; 127.0.0.2 is a load balancer."""
    instance = Instance(tmp_path_factory.mktemp("literals"), users=1, settings=[
        "smtp.public_addresses=203.0.113.25", "smtp.proxy_networks=127.0.0.2", "policy.greet_delay=0"])
    instance.start()
    yield instance
    instance.stop()


def test_an_address_literal_of_ours_is_the_first_domain(by_nat):
    user = by_nat.user(1)
    name = user.address.split("@")[0]
    literals = [f"{name}@[127.0.0.1]", f"{name}@[IPv6:::ffff:127.0.0.1]", f"{name}@[203.0.113.25]"]
    for address in literals:
        assert deliver(by_nat, [address], message("by-literal"))[0] == 250
    by_nat.wait_for_mail(user, len(literals))
    assert f"Delivered-To: {user.address}\r\n".encode() in by_nat.fetch(user, b"1")
    assert rcpt(by_nat, "postmaster@[127.0.0.1]")[0] == 250
    for elsewhere in ("127.0.0.3", "203.0.113.26", "IPv6:::1"):
        code, text = rcpt(by_nat, f"{name}@[{elsewhere}]")
        assert (code, text[:5]) == (550, "5.7.1"), elsewhere
    for nobody in ("nobody@[127.0.0.1]", f"{name}%elsewhere.example@[127.0.0.1]", f'"{name}@elsewhere.example"@[127.0.0.1]'):
        code, text = rcpt(by_nat, nobody)
        assert (code, text[:5]) == (550, "5.1.1"), nobody


def test_behind_a_load_balancer_its_address_counts(by_nat):
    name = by_nat.user(1).address.split("@")[0]
    with socket.create_connection(("127.0.0.1", by_nat.port("smtp")), timeout=20, source_address=("127.0.0.2", 0)) as proxied:
        replies = proxied.makefile("rb")
        proxied.sendall(b"PROXY TCP4 192.0.2.77 198.51.100.25 40000 25\r\n")
        assert replies.readline().startswith(b"220")
        for command, code in [("HELO client.example", b"250"), ("MAIL FROM:<>", b"250"), (f"RCPT TO:<{name}@[198.51.100.25]>", b"250"),
                              (f"RCPT TO:<{name}@[127.0.0.1]>", b"550"), ("QUIT", b"221")]:
            proxied.sendall(f"{command}\r\n".encode())
            assert replies.readline().startswith(code), command


def test_literals_can_be_left_to_nobody(by_nat):
    name = by_nat.user(1).address.split("@")[0]
    assert rcpt(by_nat, f"{name}@[127.0.0.1]")[0] == 250
    config = by_nat.dir / "postern.yaml"
    config.write_text(config.read_text().replace("public_addresses:", "address_literals: false\n  public_addresses:"))
    by_nat.mailctl("reload")
    wait_for(lambda: rcpt(by_nat, f"{name}@[127.0.0.1]")[0] == 550, "the new configuration")


@pytest.fixture
def sent_on(instance, name):
    """The return address that a message from elsewhere left with, by way of an alias that leads elsewhere."""
    instance.mailctl("alias", "add", name, f"away{next(tests)}@faraway.example")
    sender = f"Carl{next(tests)}@elsewhere.example"
    assert deliver(instance, [name], message("sent on"), sender)[0] == 250

    def rewritten():
        found = [line for line in instance.log().splitlines() if "auth.srs.rewrite" in line and f"from={sender} " in line]
        return found and found[0].partition(" to=")[2].split()[0].strip('"')
    return sender, wait_for(rewritten, "a return address")


def test_what_is_sent_on_leaves_with_a_return_address(domain, sent_on):
    sender, address = sent_on
    local_part, _, at = address.rpartition("@")
    assert local_part.startswith("SRS0=") and local_part.endswith(f"=elsewhere.example={sender.partition('@')[0]}") and at == domain


def test_a_report_to_a_return_address_is_taken_for_the_sender(instance, sent_on):
    _, address = sent_on
    assert rcpt(instance, address, sender="")[0] == 250
    assert rcpt(instance, address.lower(), sender="")[0] == 250      # hosts change the case
    code, reply = deliver(instance, [address], message("a report"), sender="")   # qmgr has asked authd, too
    assert code == 250 and reply.startswith("2.0.0 Queued as ")
    wait_for(lambda: 'auth.srs.return' in instance.log() and address in instance.log(), "its way in the log")


def test_a_return_address_is_no_relay(instance, user, sent_on):
    sender, address = sent_on
    refusal = (550, "5.1.1 This return address is forged, too old, or not for this message")
    assert rcpt(instance, address) == refusal                        # no report
    assert rcpt(instance, address, sender=user.address, user=user) == refusal
    forged = address.replace(sender.partition("@")[0], "eve")
    assert forged != address and rcpt(instance, forged, sender="") == refusal
    assert rcpt(instance, "SRS0=AAAAAA=AA=faraway.example=eve@lab.test", sender="") == refusal
    assert rcpt(instance, "SRS1=AAAAAA=faraway.example==AAAA=AA=third.example=eve@lab.test", sender="") == refusal
    assert rcpt(instance, address.replace("recipients.example", "faraway.example"), sender="")[0] == 550
