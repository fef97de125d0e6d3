"""Postfix and Exim as senders: what they are given on a port of their own they pass on to one of ours."""
import grp
import pathlib
import pwd
import re
import shutil
import smtplib
import subprocess

from lab import free_base, wait_for

OFFSET = 24             # below the ports that an instance takes of a base


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def postfix_files(directory, listeners, settings):
    """The folders and files of a private Postfix below `directory`. `listeners`: {"127.0.0.1:2525": options of that smtpd}."""
    for name in ("etc", "queue", "data"):
        (directory / name).mkdir()
    shutil.chown(directory / "data", "postfix")
    smtpd = "".join(f"{where} inet n - n - - smtpd{''.join(f' -o {key}={value}' for key, value in options.items())}\n"
                    for where, options in listeners.items())
    master = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text()
    master = re.sub(r"^smtp +inet .*$", smtpd, master, flags=re.MULTILINE)
    master = re.sub(r"^([a-z]+ +(?:unix|fifo) +[-n] +[-ny]+ +)y", r"\1n", master, flags=re.MULTILINE)
    master += "postlog unix-dgram n - n - 1 postlogd\n" if "postlogd" not in master else ""
    (directory / "etc" / "master.cf").write_text(master)
    common = {
        "compatibility_level": "3.6", "config_directory": directory / "etc", "queue_directory": directory / "queue",
        "data_directory": directory / "data", "maillog_file": directory / "maillog",
        "maillog_file_prefixes": f"{directory}, /var, /dev/stdout", "multi_instance_enable": "yes",
        "multi_instance_name": f"postfix-{directory.name}", "syslog_name": "postfix", "mydestination": "", "alias_maps": "", "biff": "no",
        "smtpd_peername_lookup": "no", "smtputf8_enable": "yes",
    }
    (directory / "etc" / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in (common | settings).items()))


class Mta:
    """`port`: of ours, by name; a path is an LMTP socket's. `tls`: none, may or must, the certificate checked when it must;
    `sni`: the name asked for and expected in it; `login`: a User."""

    def __init__(self, directory, instance, port="smtp", tls="none", sni="localhost", login=None):
        self.dir, self.instance, self.target, self.tls, self.sni, self.login = directory, instance, port, tls, sni, login
        self.port = free_base() + OFFSET
        directory.chmod(0o755)
        self.authorities = directory / "ca.pem"
        self.authorities.write_bytes(instance.certificate.read_bytes() + instance.second.read_bytes())

    def wait_ready(self):
        def greets():
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=5):
                    return True
            except OSError:
                return False
        wait_for(greets, f"{type(self).__name__} to greet; {self.log()[-2000:]}", 30)

    def submit(self, sender, recipients, message, mail_options=(), rcpt_options=()):
        with smtplib.SMTP("127.0.0.1", self.port, "client.example", timeout=30) as client:
            client.sendmail(sender, recipients, message, mail_options, rcpt_options)


class Postfix(Mta):
    def start(self):
        config = self.dir / "etc"
        postfix_files(self.dir, {f"127.0.0.1:{self.port}": {}}, self.settings())
        if self.login:
            (config / "login").write_text(f"[127.0.0.1]:{self.instance.port(self.target)} {self.login.address}:{self.login.password}\n")
        run("postfix", "-c", config, "start")
        self.wait_ready()

    def settings(self):
        lmtp = self.target.startswith("/")
        hop = f"lmtp:unix:{self.target}" if lmtp else f"smtp:[127.0.0.1]:{self.instance.port(self.target)}"
        levels = {"none": "none", "may": "may", "must": "secure"}
        settings = {
            "myhostname": "postfix.sender.test", "local_recipient_maps": "", "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "disable_dns_lookups": "yes",
            "default_transport": hop, "relay_transport": hop,
            "smtputf8_autodetect_classes": "all", "smtp_tls_security_level": levels[self.tls], "smtp_tls_loglevel": "1",
            "smtp_tls_CAfile": self.authorities, "smtp_tls_servername": self.sni,
            "smtp_tls_secure_cert_match": self.sni, "minimal_backoff_time": "5s", "queue_run_delay": "5s",
        }
        if self.login:
            settings |= {"smtp_sasl_auth_enable": "yes", "smtp_sasl_password_maps": f"texthash:{self.dir}/etc/login",
                         "smtp_sasl_security_options": "noanonymous"}
        return settings

    def stop(self):
        subprocess.run(["postfix", "-c", self.dir / "etc", "stop"], capture_output=True, timeout=60)

    def log(self):
        path = self.dir / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""


class Exim(Mta):
    """From an unpacked package: beside Postfix it cannot be installed."""

    user = "Debian-exim"

    def __init__(self, directory, instance, root, **how):
        super().__init__(directory, instance, **how)
        self.program = root / "usr" / "sbin" / "exim4"
        assert self.program.exists(), f"{self.program} is missing: scripts/test-full peers unpacks it"
        self.process = None

    def start(self):
        try:
            pwd.getpwnam(self.user), grp.getgrnam(self.user)
        except KeyError:
            run("adduser", "--system", "--group", "--quiet", "--no-create-home", "--home", "/nonexistent", "--force-badname", self.user)
        for name in ("spool", "log"):
            (self.dir / name).mkdir()
            shutil.chown(self.dir / name, self.user, self.user)
        (self.dir / "exim.conf").write_text(self.config())
        self.process = subprocess.Popen([self.program, "-C", self.dir / "exim.conf", "-bdf", "-q5s"],
                                        stdout=open(self.dir / "out", "wb"), stderr=subprocess.STDOUT)
        self.wait_ready()

    def config(self):
        tls = {"none": "hosts_avoid_tls = *", "may": "", "must": f"""hosts_require_tls = *
  tls_verify_certificates = {self.authorities}
  tls_verify_hosts = *
  tls_verify_cert_hostnames =
  tls_sni = {self.sni}"""}[self.tls]
        login = f"""login:
  driver = plaintext
  public_name = PLAIN
  client_send = ^{self.login.address}^{self.login.password}
""" if self.login else ""
        return f"""primary_hostname = exim.sender.test
keep_environment =
exim_path = {self.program}
exim_user = {self.user}
exim_group = {self.user}
spool_directory = {self.dir}/spool
log_file_path = {self.dir}/log/%slog
log_selector = +received_recipients +tls_sni +tls_peerdn +smtp_confirmation +8bitmime
pid_file_path = {self.dir}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {self.port}
tls_advertise_hosts =
dsn_advertise_hosts = *
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
accept_8bitmime = true
acl_smtp_rcpt = take
acl_smtp_data = take
begin acl
take:
  accept
begin routers
out:
  driver = manualroute
  domains = *
  route_list = * 127.0.0.1 byname
  self = send
  transport = out
begin transports
out:
  driver = smtp
  port = {self.instance.port(self.target)}
  allow_localhost
  hosts_try_chunking = *
  {"hosts_require_auth = *" if self.login else ""}
  {tls}
begin retry
* * F,1h,5s
begin authenticators
{login}"""

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)

    def log(self):
        return "".join(path.read_text(errors="replace") for path in [self.dir / "out", *sorted((self.dir / "log").glob("*log"))]
                       if path.exists())

