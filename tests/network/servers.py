"""Real mail servers in a namespace, each at addresses of its own and port 25, which take mail for every domain but ours into a Maildir,
unless it is for nobody*. What they have there is what arrived: the tests ask it, and their logs."""
import contextlib
import email
import email.policy
import os
import pathlib
import shutil
import signal
import socket
import subprocess

from lab import wait_for
from mta import postfix_files

OURS = "lab.test"
LOOP = "loop.test"          # Postfix sends it on to us
GREY = "grey.again.test"        # Postfix asks postgrey about it
NOBODY = 65534
POSTGREY = "127.0.0.1:10023"
BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"


def listens(namespace, address, port=25):
    with namespace.inside():
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    with contextlib.closing(connection):
        connection.settimeout(5)
        return connection.connect_ex((address, port)) == 0


def family_tree(pid):
    """The process and all that descend from it, those of other sessions too."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


class Server:
    """In `namespace`, at `addresses`; whatever it writes is below `directory`."""

    def __init__(self, namespace, directory, addresses):
        self.namespace, self.dir, self.addresses = namespace, directory, list(addresses)
        directory.mkdir()
        directory.chmod(0o755)
        self.process = None

    @property
    def address(self):
        return self.addresses[0]

    def spawn(self, *words, **more):
        return subprocess.Popen(self.namespace.command(*words), stdout=open(self.dir / "out", "ab"), stderr=subprocess.STDOUT,
                                cwd=self.dir, **more)

    def wait_ready(self):
        for address in self.addresses:
            wait_for(lambda: listens(self.namespace, address), f"{type(self).__name__} at {address}; {self.log()[-2000:]}", 30)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def kill(self):
        """All of it at once, as when its power goes."""
        pids = family_tree(self.process.pid)
        for how in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, how)
        self.process.wait(30)

    def logs(self):
        return [self.dir / "out"]

    def log(self):
        return "".join(path.read_text(errors="replace") for path in self.logs() if path.exists())

    def mail(self):
        return [path for folder in ("new", "cur") for path in self.dir.glob(f"mail/**/{folder}/*")]

    def messages(self, subject):
        """What is there with that subject."""
        parsed = (email.message_from_bytes(path.read_bytes(), policy=email.policy.SMTPUTF8) for path in self.mail())
        return [message for message in parsed if message["Subject"] == subject]

    def wait_for_message(self, subject):
        return wait_for(lambda: self.messages(subject), f"{subject} in {type(self).__name__}'s mailbox; {self.log()[-2000:]}")[0]


class Postfix(Server):
    """`certificates`: {address: Certificate}, shown there; with None, no TLS. Asks postgrey about GREY."""

    def __init__(self, namespace, directory, certificates):
        super().__init__(namespace, directory, certificates)
        self.certificates = certificates
        (directory / "mail").mkdir()
        shutil.chown(directory / "mail", NOBODY, NOBODY)
        listeners = {f"[{address}]:25" if ":" in address else f"{address}:25":
                     {"smtpd_tls_cert_file": certificate.path, "smtpd_tls_key_file": certificate.key} if certificate
                     else {"smtpd_tls_security_level": "none"}
                     for address, certificate in certificates.items()}
        postfix_files(directory, listeners, self.settings())
        (directory / "etc" / "domains").write_text(f"!/^({OURS}|{LOOP})$/ here\n".replace(".", "[.]"))
        (directory / "etc" / "mailboxes").write_text("!/^nobody/ all/\n")
        (directory / "etc" / "ways").write_text(f"{LOOP} smtp:[mail.lab.test]\n")
        (directory / "etc" / "grey").write_text(f"{GREY} grey\n")

    def settings(self):
        etc = self.dir / "etc"
        return {
            "myhostname": "mx.postfix.test", "mynetworks": "", "inet_interfaces": "all", "inet_protocols": "all",
            "virtual_mailbox_domains": f"regexp:{etc}/domains", "virtual_mailbox_base": self.dir / "mail",
            "virtual_mailbox_maps": f"regexp:{etc}/mailboxes", "virtual_uid_maps": f"static:{NOBODY}",
            "virtual_gid_maps": f"static:{NOBODY}", "virtual_minimum_uid": "100", "relay_domains": LOOP,
            "transport_maps": f"texthash:{etc}/ways", "smtp_host_lookup": "dns", "smtp_tls_security_level": "may",
            "smtpd_tls_security_level": "may", "smtpd_tls_received_header": "yes", "local_header_rewrite_clients": "",
            "smtpd_restriction_classes": "grey", "grey": f"check_policy_service inet:{POSTGREY}",
            "smtpd_relay_restrictions": "reject_unauth_destination", "smtpd_recipient_restrictions": f"check_recipient_access texthash:{etc}/grey",
            "minimal_backoff_time": "2s", "maximal_backoff_time": "4s", "queue_run_delay": "2s", "message_size_limit": "20000000",
            "hopcount_limit": "200", "virtual_mailbox_limit": "0",
        }

    def start(self):
        self.process = self.spawn("postfix", "-c", self.dir / "etc", "start-fg")
        self.wait_ready()

    def logs(self):
        return [self.dir / "out", self.dir / "maillog"]

    def receiving(self):
        """Bytes of messages that are on their way in."""
        return sum(path.stat().st_size for path in (self.dir / "queue" / "incoming").rglob("*") if path.is_file())


class Postgrey(Server):
    """A real greylist: who is new is told to come back, and taken `delay` seconds later."""

    def start(self, delay):
        data = self.dir / "data"
        data.mkdir()
        shutil.chown(data, "postgrey", "postgrey")
        self.process = self.spawn("postgrey", f"--inet={POSTGREY}", f"--delay={delay}", f"--dbdir={data}", "--user=postgrey", "--group=postgrey",
                                  "--auto-whitelist-clients=0")
        host, _, port = POSTGREY.partition(":")
        wait_for(lambda: listens(self.namespace, host, int(port)), f"postgrey; {self.log()[-2000:]}", 30)


class Exim(Server):
    user = "Debian-exim"
    program = BUILD / "exim" / "usr" / "sbin" / "exim4"

    def __init__(self, namespace, directory, certificates):
        super().__init__(namespace, directory, certificates)
        self.certificate = next(iter(certificates.values()))
        for name in ("spool", "log", "mail"):
            (directory / name).mkdir()
            shutil.chown(directory / name, self.user, self.user)
        readable = {name: directory / f"{name}.pem" for name in ("path", "key")}
        for name, path in readable.items():
            path.write_bytes(getattr(self.certificate, name).read_bytes())
            shutil.chown(path, self.user, self.user)
        (directory / "exim.conf").write_text(self.config(readable["path"], readable["key"]))

    def start(self):
        self.process = self.spawn(self.program, "-C", self.dir / "exim.conf", "-bdf", "-q2s")
        self.wait_ready()

    def logs(self):
        return [self.dir / "out", *sorted((self.dir / "log").glob("*log"))]

    def receiving(self):
        return sum(path.stat().st_size for path in (self.dir / "spool" / "input").glob("**/*-D"))

    def config(self, certificate, key):
        interfaces = " ; ".join(self.addresses)
        return f"""primary_hostname = mx.exim.test
keep_environment =
exim_path = {self.program}
exim_user = {self.user}
exim_group = {self.user}
spool_directory = {self.dir}/spool
log_file_path = {self.dir}/log/%slog
log_selector = +received_recipients +smtp_confirmation +8bitmime +pipelining
pid_file_path = {self.dir}/pid
local_interfaces = <; {interfaces}
daemon_smtp_ports = 25
host_lookup =
rfc1413_query_timeout = 0s
tls_certificate = {certificate}
tls_privatekey = {key}
tls_advertise_hosts = *
dsn_advertise_hosts = *
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
accept_8bitmime = true
message_size_limit = 20M
allow_domain_literals = true
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny local_parts = ^nobody
       message = 5.1.1 nobody of that name
  accept
begin routers
ours:
  driver = dnslookup
  domains = {OURS}
  transport = out
  no_more
here:
  driver = accept
  transport = maildir
begin transports
out:
  driver = smtp
  hosts_try_dane =
maildir:
  driver = appendfile
  directory = {self.dir}/mail/all
  maildir_format
  user = {self.user}
begin retry
* * F,1h,2s
"""


class OpenSmtpd(Server):
    """Its paths are compiled in: it runs with mounts of its own over them."""

    user, user_queue = "opensmtpd", "opensmtpq"
    root = BUILD / "opensmtpd"

    def __init__(self, namespace, directory, certificates):
        super().__init__(namespace, directory, certificates)
        certificate = next(iter(certificates.values()))
        for name, mode in (("spool", 0o711), ("mail", 0o755)):
            (directory / name).mkdir()
            (directory / name).chmod(mode)
        shutil.chown(directory / "mail", NOBODY, NOBODY)
        listeners = "\n".join(f'listen on {address} tls pki here hostname mx.opensmtpd.test' for address in self.addresses)
        key = directory / "key.pem"
        key.write_bytes(certificate.key.read_bytes())
        key.chmod(0o600)
        (directory / "users").write_text(f"all {NOBODY}:{NOBODY}:{directory}/mail\n")
        (directory / "smtpd.conf").write_text(f"""pki here cert "{certificate.path}"
pki here key "{key}"
table users file:{directory}/users
table names {{ "@" = all }}
smtp max-message-size 20M
{listeners}
action "here" maildir "%{{user.directory}}/all" userbase <users> virtual <names>
action "out" relay helo mx.opensmtpd.test
match from any for any rcpt-to regex {{ "^nobody" }} reject
match from any for domain "{OURS}" action "out"
match from any for any action "here"
""")
        (directory / "run").write_text(f"""#!/bin/sh -e
mount -t tmpfs -o mode=755 none /usr/libexec
mkdir /usr/libexec/opensmtpd
mount --bind {self.root}/usr/libexec/opensmtpd /usr/libexec/opensmtpd
mount -t tmpfs -o mode=755 none /var/lib
mkdir -p /var/lib/opensmtpd/empty
chmod 711 /var/lib/opensmtpd/empty
mount -t tmpfs -o mode=755 none /var/spool
mkdir /var/spool/smtpd
mount --bind {directory}/spool /var/spool/smtpd
mount -t tmpfs -o mode=755 none /var/run/
exec {self.root}/usr/sbin/smtpd -d -f {directory}/smtpd.conf
""")

    def start(self):
        self.process = self.spawn("unshare", "--mount", "sh", self.dir / "run")
        self.wait_ready()


class Sink(Server):
    """Postfix's smtp-sink, which fails on purpose, `how` its command line says. Each transaction is a file."""

    def start(self, *how):
        shutil.chown(self.dir, "nobody", "nogroup")
        self.process = self.spawn("smtp-sink", "-u", "nobody", "-d", f"{self.dir}/taken.", *how, f"{self.address}:25", "64")
        self.wait_ready()
        return self

    def mail(self):
        return list(self.dir.glob("taken.*"))
