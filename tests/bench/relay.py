"""Mail for another domain beside Postfix: taken by SMTP and sent on to smtp-sink, which keeps nothing; and a queue that was
filled while its destination was not to be reached, emptied. The last line is the smaller of the two ratios."""
import contextlib
import statistics
import subprocess
import sys
import time

import intake
from servers import LAB, Peer, Postern, run

SINK = ("127.0.0.1", 2526)
DOMAIN = "remote.test"
PATIENCE = 300          # seconds for a queue to become empty


@contextlib.contextmanager
def sink():
    with open(LAB / "sink.log", "w") as log:
        process = subprocess.Popen(["smtp-sink", "-u", "nobody", "%s:%d" % SINK, "1000"], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


class RelayingPostern(Postern):
    """A backup MX for the domain, whose next hop is the sink. The numbers of deliveries at once are the default ones."""

    def __init__(self):
        super().__init__("postern-relay", [f"outbound.destinations=* via=[{SINK[0]}]:{SINK[1]}"])

    def mailctl(self, *words):
        return run([self.mailctl_path, "--socket", self.directory / "run" / "api.sock", *words])

    def start(self):
        super().start()
        if DOMAIN not in self.mailctl("domain", "list"):
            self.mailctl("domain", "add", DOMAIN, "--backup-mx", "on")

    def queue_command(self):
        return f"{self.mailctl_path} --socket {self.directory}/run/api.sock queue stats --json | grep -o '\"messages\": *[0-9]*' | grep -o '[0-9]*$'"

    def hold_back(self):
        self.mailctl("destination", "freeze", "[%s]:%d" % SINK)

    def let_go(self):
        self.mailctl("destination", "thaw", "[%s]:%d" % SINK)


class RelayingPeer(Peer):
    config = LAB / "pd" / "postfix" / "config"
    queue = LAB / "pd" / "postfix" / "queue"

    def __init__(self):
        super().__init__("virtual")
        self.name = "postfix"

    def defer(self, transports):
        run(["postconf", "-c", self.config, "-e", f"defer_transports={transports}"])
        subprocess.run(["postfix", "-c", self.config, "reload"], capture_output=True, check=False)
        time.sleep(1)                            # its daemons say nothing when they have read it

    def hold_back(self):
        self.defer("smtp")

    def let_go(self):
        self.defer("")
        subprocess.run(["postfix", "-c", self.config, "flush"], capture_output=True, check=False)


def waiting(server):
    return int(subprocess.run(server.queue_command(), shell=True, capture_output=True, text=True, check=True).stdout.split()[0])


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench: waited {PATIENCE} s in vain: {what}")
        time.sleep(0.05)


def relay(server, options):
    return intake.load_of(server, options, "--sessions", options.sessions, "--sizes", options.size, "--warmup", 200, "--domain", DOMAIN,
                          "--count-mode", "sink")[0]


def drain(server, options):
    """Messages a second from the moment they may go to an empty queue."""
    server.hold_back()
    run([LAB / "smtp_load", "-p", server.smtp_port, "-s", 20, "-m", options.preload, "-l", options.size, "-D", DOMAIN, "-t", PATIENCE])
    until(lambda: waiting(server) >= options.preload, "the queue is filled")
    subprocess.run(["sync"], check=True)
    cpu, began = intake.cpu_seconds(server), time.monotonic()
    server.let_go()
    until(lambda: waiting(server) == 0, "the queue is empty")
    seconds = time.monotonic() - began
    return {"label": server.name, "drained": options.preload, "per_s": round(options.preload / seconds, 1),
            "cpu_ms": round(1000 * (intake.cpu_seconds(server) - cpu) / options.preload, 3)}


def bench(options):
    servers, raw, rates = [RelayingPostern(), RelayingPeer()], [], {}
    for number in range(options.rounds):
        for server in servers[number % 2:] + servers[:number % 2]:
            with sink():
                server.start()
                try:
                    relayed, drained = relay(server, options), drain(server, options)
                finally:
                    server.stop()
            raw += [relayed, drained]
            for what, rate in (("relayed", relayed["e2e_per_s"]["median"]), ("drained", drained["per_s"])):
                rates.setdefault((what, server.name), []).append(rate)
    print(f"{options.size} bytes, {options.sessions} sessions, a connection per message, {options.count} messages relayed, {options.preload} "
          f"drained, {options.rounds} rounds: median (lowest-highest)\n")
    ratios = []
    for what in ("relayed", "drained"):
        ours, theirs = rates[what, "postern"], rates[what, "postfix"]
        ratios.append(statistics.median(ours) / statistics.median(theirs))
        print(f"{what}/s  " + "  ".join(f"{name} {statistics.median(found):.4g} ({min(found):.4g}-{max(found):.4g})"
                                         for name, found in (("postern", ours), ("postfix", theirs))) + f"  ratio {ratios[-1]:.3g}")
    options.closing = f"ratio {min(ratios):.1f}"
    return raw
