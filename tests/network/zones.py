"""A DNS of our own: an authoritative nsd with a signed root and zones below it, and two unbound that validate from that root; the second
one, which is asked where the first cannot say, says why (RFC 8914).

    dns.publish({"d1.test": ["MX 10 mx.d1.test."], "mx.d1.test": ["A 10.77.2.1"]})

and whoever asks unbound has it, authentic. Where a name is decides what its records are worth:

    NAME.test         signed                NAME.plain.test   in a zone without signatures, which its parent says
    NAME.stale.test   signed long ago       NAME.dead.test    in a zone whose server is not there

A name in `forged` has signatures that fit nothing.
"""
import contextlib
import itertools
import re
import signal
import subprocess

import dns.flags
import dns.message
import dns.query
import dns.rdatatype

from lab import wait_for
from namespaces import run

RESOLVER, TELLING_RESOLVER, AUTHORITY, NOBODY = "10.77.0.53", "10.77.0.56", "10.77.0.54", "10.77.0.55"
YEARS = {"now": ("20260101", "20500101"), "stale": ("20200101", "20200301")}
ORIGINS = {".": "now", "test.": "now", "plain.test.": None, "stale.test.": "stale"}
SERVER = "ns.test."


def address_records(addresses):
    return [f"{'AAAA' if ':' in address else 'A'} {address}" for address in addresses]


class Zone:
    def __init__(self, directory, origin, signed):
        self.dir, self.origin, self.signed = directory, origin, signed
        self.file = directory / f"{origin.strip('.') or 'root'}.zone"
        self.serials = itertools.count(1)
        self.serial = 0
        self.lines = [f"{origin} NS {SERVER}"]
        self.key = run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", origin, cwd=directory).strip() if signed else None

    @property
    def ds(self):
        return (self.dir / f"{self.key}.ds").read_text().strip()

    def write(self, forged=()):
        self.serial = next(self.serials)
        text = f"$TTL 60\n{self.origin} SOA {SERVER} root.test. {self.serial} 3600 600 86400 5\n" + "\n".join(self.lines) + "\n"
        if not self.signed:
            self.file.write_text(text)
            return
        unsigned = self.file.with_suffix(".unsigned")
        unsigned.write_text(text)
        first, last = YEARS[self.signed]
        run("ldns-signzone", "-o", self.origin, "-i", f"{first}000000", "-e", f"{last}000000", "-f", self.file, unsigned, self.key,
            cwd=self.dir)
        if forged:
            self.file.write_text("".join(forge(line, forged) for line in self.file.read_text().splitlines(keepends=True)))


def forge(line, names):
    """Turns the beginning of the signature round, where it is one of these names'."""
    if line.partition("\t")[0].rstrip(".").lower() not in names:
        return line
    return re.sub(r"(\tRRSIG(?:\s+\S+){8}\s+)(\S{16})", lambda found: found[1] + found[2][::-1], line)


class Dns:
    """All servers in `namespace`."""

    def __init__(self, namespace, directory):
        self.namespace, self.dir, self.forged = namespace, directory, set()
        self.zones = {origin: Zone(directory, origin, signed) for origin, signed in ORIGINS.items()}
        self.zones["."].lines += [f"test. NS {SERVER}", f"{SERVER} A {AUTHORITY}", self.zones["test."].ds]
        self.zones["test."].lines += [f"{SERVER} A {AUTHORITY}", f"plain.test. NS {SERVER}", f"stale.test. NS {SERVER}",
                                      self.zones["stale.test."].ds, "dead.test. NS ns.dead.test.", f"ns.dead.test. A {NOBODY}"]
        for zone in self.zones.values():
            zone.write()
        namespace.add(RESOLVER, TELLING_RESOLVER, AUTHORITY, NOBODY)
        self.processes = []

    def start(self):
        for name, program, text in (("nsd", "nsd", self.nsd()), ("unbound", "unbound", self.unbound(RESOLVER)),
                                    ("telling", "unbound", self.unbound(TELLING_RESOLVER, "yes"))):
            (self.dir / f"{name}.conf").write_text(text)
            words = self.namespace.command(program, "-d", "-c", self.dir / f"{name}.conf")
            self.processes.append(subprocess.Popen(words, stdout=open(self.dir / f"{name}.out", "wb"), stderr=subprocess.STDOUT))
        for zone in self.zones.values():
            self.wait_served(zone)
        for resolver in (RESOLVER, TELLING_RESOLVER):
            wait_for(lambda: self.is_authentic("test.", "SOA", resolver), f"unbound to validate; {self.log()}")

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait(20)

    def log(self):
        return "".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.dir.glob("*.out")))

    @contextlib.contextmanager
    def stopped(self):
        """Nobody answers."""
        for process in self.processes[1:]:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in self.processes[1:]:
                process.send_signal(signal.SIGCONT)

    # -- records

    def publish(self, records, forged=()):
        self.forged |= set(forged)
        changed = set()
        for name, values in records.items():
            zone = self.zone_of(name)
            zone.lines += [f"{name}. {value}" for value in values]
            changed.add(zone)
        for zone in changed:
            zone.write(self.forged)
        self.processes[0].send_signal(signal.SIGHUP)
        for zone in changed:
            self.wait_served(zone)

    def zone_of(self, name):
        return max((zone for zone in self.zones.values() if f".{name}.".endswith(f".{zone.origin}".replace("..", "."))),
                   key=lambda zone: len(zone.origin))

    # -- what the servers say

    def wait_served(self, zone):
        def served():
            answer = ask(zone.origin, "SOA", AUTHORITY)
            return bool(answer and answer.answer and answer.answer[0][0].serial == zone.serial)
        wait_for(served, f"nsd to serve {zone.origin} {zone.serial}; {self.log()}")

    def is_authentic(self, name, kind, resolver=RESOLVER):
        answer = ask(name, kind, resolver)
        return bool(answer and answer.answer and answer.flags & dns.flags.AD)

    # -- configuration

    def nsd(self):
        zones = "".join(f'zone:\n  name: "{zone.origin}"\n  zonefile: "{zone.file}"\n' for zone in self.zones.values())
        return f"""server:
  server-count: 1
  ip-address: {AUTHORITY}
  username: ""
  chroot: ""
  zonesdir: "{self.dir}"
  database: ""
  pidfile: "{self.dir}/nsd.pid"
  xfrdfile: "{self.dir}/xfrd.state"
  xfrdir: "{self.dir}"
  zonelistfile: "{self.dir}/zone.list"
  round-robin: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: no
{zones}"""

    def unbound(self, address, ede="no"):
        """Below "test." and the private networks it answers from its own tables, unless told not to."""
        ours = "".join(f'  local-zone: "{name}" nodefault\n' for name in ("test.", "10.in-addr.arpa.", "d.f.ip6.arpa."))
        return f"""server:
  interface: {address}
  ede: {ede}
  access-control: 10.77.0.0/16 allow
  username: ""
  chroot: ""
  directory: "{self.dir}"
  pidfile: "{self.dir}/unbound-{address}.pid"
  use-syslog: no
  do-ip6: no
  module-config: "validator iterator"
  trust-anchor: "{self.zones["."].ds}"
  val-log-level: 2
  cache-max-negative-ttl: 0
  aggressive-nsec: no
  qname-minimisation: no
{ours}remote-control:
  control-enable: no
stub-zone:
  name: "."
  stub-addr: {AUTHORITY}
"""


def ask(name, kind, server):
    query = dns.message.make_query(name, kind, use_edns=0, want_dnssec=True)
    query.flags |= dns.flags.AD
    try:
        return dns.query.udp(query, server, timeout=2)
    except (OSError, dns.exception.Timeout):
        return None
