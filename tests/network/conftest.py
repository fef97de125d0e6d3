"""A network of its own with Postern, a validating DNS and other mail servers, everybody at port 25.
scripts/test-full network starts it where no other network can be reached; it does nothing anywhere else."""
import contextlib
import itertools
import pathlib
import pwd
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / room) for room in ("peers", "crash", "integration"))]

from certificates import Certificate  # noqa: E402
from failures import pytest_runtest_makereport  # noqa: E402, F401
from namespaces import OURS, Namespace, alone, make_network, missing, own_files  # noqa: E402
from postern import Postern  # noqa: E402
from servers import GREY, LOOP, Exim, OpenSmtpd, Postfix, Postgrey, Sink  # noqa: E402
from smtp_server import SmtpServer  # noqa: E402
from zones import RESOLVER, Dns, address_records  # noqa: E402

SERVICE_USERS = (Exim.user, OpenSmtpd.user, OpenSmtpd.user_queue)


def pytest_sessionstart(session):
    if not alone():
        pytest.exit("this would meet other hosts: scripts/test-full network gives it a network of its own", returncode=3)
    if absent := missing("nsd", "unbound", "ldns-signzone", "nft", "postfix", "smtp-sink", "postgrey"):
        pytest.exit(f"missing: {', '.join(absent)} (scripts/test-full network installs them)", returncode=3)


def users_added(line):
    """For /etc/passwd or /etc/group: those whose package is not installed."""
    def change(text):
        known = {row.partition(":")[0] for row in text.splitlines()}
        return text + "".join(line.format(name=name, number=64000 + n) for n, name in enumerate(SERVICE_USERS) if name not in known)
    return change


class Network:
    """Where everything is. `address()` gives a pair, IPv4 and IPv6, that nobody has."""

    def __init__(self, directory):
        self.dir = directory
        make_network()
        own_files(directory, {
            "/etc/resolv.conf": lambda _: f"nameserver {RESOLVER}\n", "/etc/hosts": lambda _: "127.0.0.1 localhost\n::1 localhost\n",
            "/etc/passwd": users_added("{name}:x:{number}:{number}::/var/lib/opensmtpd/empty:/usr/sbin/nologin\n"),
            "/etc/group": users_added("{name}:x:{number}:\n")})
        for user in SERVICE_USERS:
            pwd.getpwnam(user)
        self.peers = Namespace("peers")
        (directory / "dns").mkdir()
        self.dns = Dns(Namespace("dns"), directory / "dns")
        (directory / "certificates").mkdir()
        self.authority = Certificate(directory / "certificates", is_authority=True)
        self.numbers = itertools.count(1)

    def certificate(self, *names, **more):
        return Certificate(self.dir / "certificates", list(names), **({"issuer": self.authority} | more))

    def address(self):
        number = next(self.numbers)
        pair = (f"10.77.{2 + number // 250}.{number % 250 + 1}", f"fd77::2:{number:x}")
        self.peers.add(*pair)
        return pair

    def unused(self):
        """A pair that is nobody's."""
        number = next(self.numbers)
        return f"10.77.{200 + number // 250}.{number % 250 + 1}", f"fd77::200:{number:x}"

    def directory(self, name):
        return self.dir / f"{name}{next(self.numbers)}"

    def publish_mx(self, domain, *addresses, more=None, **how):
        """The domain, and mx. below it as its only host, with these addresses."""
        self.dns.publish({domain: [f"MX 10 mx.{domain}."], f"mx.{domain}": address_records(addresses), **(more or {})}, **how)
        return domain


@pytest.fixture(scope="session")
def network():
    with tempfile.TemporaryDirectory(prefix="postern-network-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        made = Network(directory)
        made.dns.start()
        made.dns.publish({"lab.test": ["MX 10 mail.lab.test."], "mail.lab.test": address_records(OURS),
                          "1.0.77.10.in-addr.arpa": ["PTR mail.lab.test."]})
        yield made
        made.dns.stop()


@pytest.fixture(scope="session")
def instance(network):
    running = Postern(network.dir / "lab", network.authority)
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def accounted(instance):
    """Every test ends with the account: whatever was accepted is delivered, bounced or in the queue."""
    yield
    instance.account()


def real(kind, name):
    """A fixture: one server of this kind, at mx.NAME.test, for the domain NAME.test."""
    @pytest.fixture(scope="session")
    def server(network):
        addresses = network.address()
        certificate = network.certificate(f"mx.{name}.test")
        running = kind(network.peers, network.dir / name, {address: certificate for address in addresses})
        running.start()
        network.publish_mx(f"{name}.test", *addresses)
        running.domain = f"{name}.test"
        yield running
        running.stop()
    return server


@pytest.fixture(scope="session")
def shown(network):
    """A Postfix that shows another certificate at each address: {name: (address, Certificate)}; none at "clear"."""
    make = network.certificate
    certificates = {
        "trusted": make("mx.trusted.test"), "stranger": make("somebody.example", issuer=None),
        "expired": make("mx.expired.test", issuer=None, expired=True),
        "chain": make("*.chain.test", chain=True), "clear": None}
    at = {name: network.address()[0] for name in certificates}
    running = Postfix(network.peers, network.dir / "shown", {at[name]: certificate for name, certificate in certificates.items()})
    running.start()
    running.shown = {name: (at[name], certificate) for name, certificate in certificates.items()}
    yield running
    running.stop()


postfix, exim, opensmtpd = real(Postfix, "postfix"), real(Exim, "exim"), real(OpenSmtpd, "opensmtpd")


@pytest.fixture
def sink(network):
    """sink("-f", "MAIL") is an smtp-sink so started, alone in a domain: sink.domain. `domain` makes another name of it."""
    with contextlib.ExitStack() as stack:
        def started(*how, domain=None):
            v4, _ = network.address()
            running = Sink(network.peers, network.directory("sink"), [v4]).start(*how)
            stack.callback(running.stop)
            running.domain = network.publish_mx(domain or f"{running.dir.name}.test", v4)
            return running
        yield started


@pytest.fixture
def scripted(network):
    """scripted(address, script, ...): the tests' own server there, at port 25."""
    with contextlib.ExitStack() as stack:
        def started(address, script=None, **more):
            with network.peers.inside():
                server = SmtpServer(script, address=address, port=25, **more)
            return stack.enter_context(server)
        yield started


@pytest.fixture
def greylist(network, postfix):
    """The domain about which Postfix asks postgrey."""
    running = Postgrey(network.peers, network.directory("postgrey"), ["127.0.0.1"])
    running.start(delay=2)
    network.publish_mx(GREY, *postfix.addresses)
    yield GREY
    running.stop()


@pytest.fixture
def loop(network, postfix):
    """A domain whose best host sends everything on to us."""
    network.dns.publish({LOOP: ["MX 5 mx.postfix.test.", "MX 50 mail.lab.test."]})
    return LOOP
