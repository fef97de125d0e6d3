"""TESTCARD F4: the private key is in keyd's memory and in nobody else's."""
import os
import re
import subprocess

import signal
import socket
import ssl

import pytest

from lab import message, wait_for

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="reads other processes' memory"),
              pytest.mark.skipif("asan" in os.environ.get("POSTERN_BUILD", ""), reason="a sanitizer maps terabytes")]


def needles(key_file):
    """The private number as OpenSSL keeps it (either byte order) and as the file has it."""
    text = subprocess.run(["openssl", "pkey", "-in", key_file, "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    number = bytes.fromhex(re.search(r"priv:\s*([0-9a-f:\s]+?)pub:", text).group(1).replace(":", "").replace(" ", "").replace("\n", ""))
    number = number.lstrip(b"\0")
    pem = open(key_file, "rb").read().splitlines()[1]
    return [number, number[::-1], pem]


def hits(pid, wanted):
    """How often any of `wanted` is in the memory of the process."""
    count = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(word, 16) for word in span.split("-"))
            carry = b""
            while begin < end:
                size = min(end - begin, 1 << 24)
                try:
                    memory.seek(begin)
                    block = carry + memory.read(size)
                except (OSError, ValueError):
                    break
                count += sum(block.count(needle) for needle in wanted)
                carry = block[-64:]
                begin += size
    return count


def test_f4_private_keys_stay_in_keyd(instance, user):
    with instance.smtp(user, implicit=True) as session:              # handshakes: the key was used just now
        session.sendmail(user.address, [user.address], message("key", sender=user.address))
    instance.wait_for_mail(user)
    wanted = needles(instance.dir / "tls" / "key.pem")
    found = {name: sum(hits(pid, wanted) for pid in pids) for name, pids in instance.processes().items()}
    assert found.pop("keyd") > 0                                     # or this test could not see a key at all
    assert found == {name: 0 for name in found}


def greeted(instance, context, session):
    """(was the TLS session resumed, the session to resume) of a connection that was greeted."""
    with socket.create_connection(("127.0.0.1", instance.port("submissions")), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
        assert connection.recv(100).startswith(b"220")
        return connection.session_reused, connection.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_sessions_resume_at_another_process(instance, version):
    """Ticket keys are master's: what one smtpd sealed the next one opens."""
    context = instance.tls()
    context.minimum_version = context.maximum_version = version
    first, session = greeted(instance, context, None)
    again, session = greeted(instance, context, session)
    assert (first, again) == (False, True)
    old = instance.processes()["smtpd"]
    os.kill(old[0], signal.SIGKILL)
    wait_for(lambda: instance.processes().get("smtpd") not in (None, old), "smtpd to be restarted")
    assert greeted(instance, context, session)[0]
