"""Other mail servers that send to ours, by every feature they have. They run privately below the test's directory, on loopback.
POSTERN_BUILD names the build folder; the peers are Debian's Postfix and Exim (scripts/test-full peers installs the one and
unpacks the other, which cannot be installed beside it)."""
import contextlib
import os
import pathlib
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from failures import pytest_runtest_makereport  # noqa: E402, F401
from lab import Instance  # noqa: E402
from mta import Exim, Postfix, run  # noqa: E402


@pytest.fixture(scope="session")
def instance():
    """With a second certificate, for mx.sni.test, and LMTP on a socket that Postfix's user may reach."""
    with tempfile.TemporaryDirectory(prefix="postern-peers-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        pair = directory / "certificates" / "mx.sni.test"
        pair.parent.mkdir()
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
            "/CN=mx.sni.test", "-addext", "subjectAltName=DNS:mx.sni.test", "-keyout", f"{pair}.key", "-out", f"{pair}.pem")
        running = Instance(directory / "lab", users=60, settings=[
            f"tls.certificates={pair.parent}", f"lmtp.socket={directory}/lmtp/lmtp", "lmtp.socket_group=postfix"])
        running.start()
        running.lmtp, running.second = f"{directory}/lmtp/lmtp", pathlib.Path(f"{pair}.pem")
        yield running
        running.stop()


@pytest.fixture
def user(instance):
    return instance.fresh_user()


@pytest.fixture(scope="session")
def exim_root():
    return pathlib.Path(os.environ.get("EXIM_ROOT", HERE.parents[1] / "build" / "exim"))


@pytest.fixture
def start(exim_root):
    """start("postfix" or "exim", instance, port="smtp", ...): one that passes everything on to that port. Its directory is not
    pytest's, which the peers' own users may not enter."""
    with contextlib.ExitStack() as stack:
        def started(kind, instance, **how):
            directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"postern-{kind}-")))
            peer = Postfix(directory, instance, **how) if kind == "postfix" else Exim(directory, instance, exim_root, **how)
            stack.callback(peer.stop)
            peer.start()
            return peer
        yield started
