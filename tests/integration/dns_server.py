"""A scriptable DNS server for tests, which behaves like a recursive resolver that knows a few names and nothing else.

    with DnsServer({"example.test": ["MX 10 mx.example.test.", "300 A 192.0.2.1"],
                    "*.many.test":  ["A 192.0.2.2"]}) as dns:
        instance = Instance(..., settings=[f"dns.servers={dns.at}"])
        dns.set("new.test", "TXT hello")            # while it runs; no records: the name exists and has none
        dns.remove("new.test")
        dns.behave("example.test", "servfail")      # or "*" for every name; without a behaviour: as ever again
        dns.authentic = True                        # AD, where the query asks for it; or a set of names
        assert dns.count("example.test", "MX") == 1

A record is "[TTL] TYPE DATA", names in its data with a last dot. A name nobody gave is NXDOMAIN with a SOA record whose TTL
and minimum are `negative_ttl`. CNAMEs are followed in the answer unless `chase` is False.

Behaviours, of UDP and TCP unless said otherwise:
    silent          no answer                        servfail, refused, formerr   that code
    bogus           SERVFAIL, but to who asks with CD the answer, as a resolver that found it not to validate
    bogus_said      the same, and says why: RFC 8914, code 7
    nxdomain        that code, with the SOA          no_soa     NXDOMAIN or no data, without one
    lame            a referral without RA            empty      NOERROR, nothing in it
    truncate        UDP: TC and no records; TCP: the whole answer
    wrong_id, wrong_question, wrong_case, wrong_type, no_question, short, garbage      UDP: such an answer; TCP: the right one
    spoofed         UDP: 3 answers with a wrong id and false data, then the right one
    storm           UDP: 200 datagrams of random octets, then the right one; TCP: the right one
    elsewhere       UDP: the answer comes from another port
    drip            UDP: truncated; TCP: a byte every `drip_interval` seconds
    close           UDP: truncated; TCP: closed without an answer
    slow            after `delay` seconds; `peak` is how many waited so at a time, by UDP
"""
import collections
import random
import socket
import socketserver
import struct
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

IN = dns.rdataclass.IN
default_ttl = 300
max_chain = 40

Query = collections.namedtuple("Query", "name type transport port id qname flags edns")


def folded(name):
    return str(name).rstrip(".").lower()


class DnsServer:
    def __init__(self, records=None, address="127.0.0.1", port=0):
        self.records = {}
        self.behaviours = {}
        self.authentic = False
        self.chase = True
        self.negative_ttl = 60
        self.delay = 1.0
        self.drip_interval = 0.05
        self.held = self.peak = 0              # answers that are slow, now and at most
        self.counting = threading.Lock()
        self.queries = []                      # every Query that came, in order
        self.stopping = threading.Event()
        for name, lines in (records or {}).items():
            self.set(name, *lines)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.udp, self.tcp = bound_pair(family, address, port, self)
        self.address, self.port = address, self.udp.getsockname()[1]
        self.threads = [threading.Thread(target=self.serve_udp, daemon=True),
                        threading.Thread(target=self.tcp.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)]

    @property
    def at(self):
        """As `dns.servers` takes it."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    # -- what it knows and how it behaves

    def set(self, name, *lines):
        self.records[folded(name)] = [parsed(line) for line in lines]

    def remove(self, name):
        del self.records[folded(name)]

    def behave(self, name, behaviour=None):
        key = "*" if name == "*" else folded(name)
        if behaviour is None:
            self.behaviours.pop(key, None)
        else:
            assert behaviour in BEHAVIOURS, behaviour
            self.behaviours[key] = behaviour

    def count(self, name=None, type=None, transport=None):
        return sum((name is None or q.name == folded(name)) and (type is None or q.type == type)
                   and (transport is None or q.transport == transport) for q in list(self.queries))

    # -- life

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        self.tcp.shutdown()
        self.tcp.server_close()
        self.udp.close()

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    # -- answers

    def find(self, name):
        """The records of a name, by a wildcard too; None: there is no such name."""
        if name in self.records:
            return self.records[name]
        labels = name.split(".")
        for cut in range(1, len(labels)):
            wildcard = ".".join(["*", *labels[cut:]])
            if wildcard in self.records:
                return self.records[wildcard]
        below = "." + name
        return [] if any(other.endswith(below) for other in self.records) else None

    def fill(self, response, qname, qtype, with_soa=True):
        """Answers as a recursive resolver does: with the chain of CNAMEs, and the SOA where there is nothing."""
        owner, seen = qname, 0
        while True:
            found = self.find(folded(owner))
            if found is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                break
            wanted = [(ttl, rdata) for ttl, rdata in found if rdata.rdtype == qtype]
            if wanted:
                response.answer.append(rrset(owner, wanted))
                return
            alias = [(ttl, rdata) for ttl, rdata in found if rdata.rdtype == dns.rdatatype.CNAME]
            if not alias:
                break
            response.answer.append(rrset(owner, alias[:1]))
            owner, seen = alias[0][1].target, seen + 1
            if not self.chase or seen == max_chain:
                return
        if with_soa:
            response.authority.append(self.soa(owner))

    def soa(self, owner):
        zone = owner if len(owner) <= 2 else dns.name.Name(owner.labels[-2:])
        data = dns.rdata.from_text(IN, "SOA", f"ns.test. hostmaster.test. 1 3600 600 86400 {self.negative_ttl}")
        return rrset(zone, [(self.negative_ttl, data)])

    def respond(self, wire, transport, port):
        """(behaviour, response message or None) for the bytes of a query."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = folded(question.name)
        self.queries.append(Query(name, dns.rdatatype.to_text(question.rdtype), transport, port, query.id, str(question.name),
                                  query.flags, query.edns >= 0))
        behaviour = self.behaviours.get(name, self.behaviours.get("*"))
        response = dns.message.make_response(query, recursion_available=True)
        if behaviour in BOGUS and not query.flags & dns.flags.CD:
            response.set_rcode(dns.rcode.SERVFAIL)
            response.use_edns(options=BOGUS[behaviour])
            return behaviour, response
        if behaviour in CODES:
            response.set_rcode(CODES[behaviour])
            return behaviour, response
        if behaviour == "lame":
            response.flags &= ~dns.flags.RA
            response.authority.append(rrset(question.name, [(300, dns.rdata.from_text(IN, "NS", "ns.elsewhere.test."))]))
            return behaviour, response
        if behaviour == "nxdomain":
            response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority.append(self.soa(question.name))
        elif behaviour != "empty":
            self.fill(response, question.name, question.rdtype, with_soa=behaviour != "no_soa")
        asked = query.flags & dns.flags.AD or query.ednsflags & dns.flags.DO
        if asked and (self.authentic is True or (self.authentic and name in self.authentic)):
            response.flags |= dns.flags.AD
        return behaviour, response

    # -- UDP

    def serve_udp(self):
        while not self.stopping.is_set():
            try:
                wire, client = self.udp.recvfrom(65535)
                behaviour, response = self.respond(wire, "udp", client[1])
            except OSError:
                return
            except dns.exception.DNSException:
                continue
            if behaviour == "slow":
                self.hold(1)
                threading.Timer(self.delay, self.send_held, [client, behaviour, response, wire]).start()
            else:
                self.send_udp(client, behaviour, response, wire)

    def hold(self, more):
        with self.counting:
            self.held += more
            self.peak = max(self.peak, self.held)

    def send_held(self, *answer):
        self.hold(-1)                              # before the client can know, and ask for more
        self.send_udp(*answer)

    def send_udp(self, client, behaviour, response, query):
        try:
            for wire in datagrams(behaviour, response, query):
                if behaviour == "elsewhere":
                    with socket.socket(self.udp.family, socket.SOCK_DGRAM) as other:
                        other.sendto(wire, client)
                else:
                    self.udp.sendto(wire, client)
        except OSError:
            pass                                   # the test is over, or the client gone

    # -- TCP

    def serve_tcp(self, connection):
        while True:
            head = received(connection, 2)
            wire = received(connection, struct.unpack("!H", head)[0]) if head else None
            if not wire:
                return
            behaviour, response = self.respond(wire, "tcp", connection.getpeername()[1])
            if behaviour == "silent":
                self.stopping.wait(60)
                return
            if behaviour == "close":
                return
            if behaviour == "slow":
                self.stopping.wait(self.delay)
            answer = response.to_wire(max_size=65535)
            framed = struct.pack("!H", len(answer)) + answer
            if behaviour == "drip":
                for byte in framed:
                    connection.sendall(bytes([byte]))
                    time.sleep(self.drip_interval)
            else:
                connection.sendall(framed)


# --- the answers that are not as they should be -------------------------------------------------------------------

CODES = {"servfail": dns.rcode.SERVFAIL, "refused": dns.rcode.REFUSED, "formerr": dns.rcode.FORMERR}

BOGUS = {"bogus": [], "bogus_said": [dns.edns.EDEOption(7, "since 2020-03-01")]}


def emptied(response, query):
    """What fits no datagram: TC, the question and nothing else."""
    short = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
    short.flags |= dns.flags.TC
    return short.to_wire()


def with_id(wire, number):
    return struct.pack("!H", number & 0xFFFF) + wire[2:]


def with_question(response, name=None, rdtype=None):
    question = response.question[0]
    response.question[0] = dns.rrset.RRset(name or question.name, IN, rdtype or question.rdtype)
    return response.to_wire()


def swapped_case(name):
    return dns.name.Name([label.swapcase() for label in name.labels])


def false_answer(response, offset):
    lie = dns.message.from_wire(response.to_wire())
    lie.answer = [rrset(lie.question[0].name, [(300, dns.rdata.from_text(IN, "A", "203.0.113.66"))])]
    return with_id(lie.to_wire(), lie.id + offset)


def without_question(response):
    response.question = []
    return response.to_wire()


MANGLED = {
    "silent": lambda response, query: [],
    "truncate": lambda response, query: [emptied(response, query)],
    "drip": lambda response, query: [emptied(response, query)],
    "close": lambda response, query: [emptied(response, query)],
    "wrong_id": lambda response, query: [with_id(response.to_wire(), response.id + 1)],
    "wrong_question": lambda response, query: [with_question(response, name=dns.name.from_text("other.test."))],
    "wrong_case": lambda response, query: [with_question(response, name=swapped_case(response.question[0].name))],
    "wrong_type": lambda response, query: [with_question(response, rdtype=dns.rdatatype.SRV)],
    "no_question": lambda response, query: [without_question(response)],
    "short": lambda response, query: [response.to_wire()[:11]],
    "garbage": lambda response, query: [query[:2] + b"\x81\x80" + random.randbytes(100)],
    "storm": lambda response, query: [*(random.randbytes(random.randrange(1, 600)) for _ in range(200)), response.to_wire()],
    "spoofed": lambda response, query: [*(false_answer(response, offset) for offset in (1, 2, 3)), response.to_wire()],
}
BEHAVIOURS = {*CODES, *BOGUS, *MANGLED, "nxdomain", "no_soa", "lame", "empty", "elsewhere", "slow"}


def datagrams(behaviour, response, query):
    if behaviour in MANGLED:
        return MANGLED[behaviour](response, query)
    wire = response.to_wire(max_size=65535)
    room = max(512, dns.message.from_wire(query).payload)
    return [wire if len(wire) <= room else emptied(response, query)]


# --- small things ---------------------------------------------------------------------------------------------------

def parsed(line):
    ttl, _, rest = line.partition(" ")
    if not ttl.isdigit():
        ttl, rest = default_ttl, line
    rdtype, _, data = rest.partition(" ")
    return int(ttl), dns.rdata.from_text(IN, rdtype, data)


def rrset(owner, records):
    found = dns.rrset.RRset(owner, IN, records[0][1].rdtype)
    for ttl, rdata in records:
        found.add(rdata, ttl)
    return found


def received(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            return None
        data += more
    return data


class Stream(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, family, where, server):
        self.address_family = family

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    server.serve_tcp(self.request)
                except (OSError, dns.exception.DNSException):
                    pass                           # the client has gone, or does not speak DNS

        super().__init__(where, Handler)


def bound_pair(family, address, port, server):
    """UDP and TCP on one port: any free one unless given."""
    for _ in range(50):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        udp.bind((address, port))
        try:
            return udp, Stream(family, udp.getsockname()[:2], server)
        except OSError:
            udp.close()
            if port:
                raise
    raise RuntimeError("no port that is free for UDP and TCP")
