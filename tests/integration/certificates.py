"""Certificates of servers that tests make up, by the openssl command."""
import hashlib
import itertools
import ssl
import subprocess

numbers = itertools.count(1)


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True).stdout


class Certificate:
    """Signed by `issuer`, by itself without one. `.tls` is a server's context that shows it, with its issuer's if `chain`.
    An `expired` one is signed by itself."""

    def __init__(self, directory, names=(), issuer=None, is_authority=False, chain=False, expired=False):
        stem = directory / f"certificate{next(numbers)}"
        self.path, self.key = stem.with_suffix(".pem"), stem.with_suffix(".key")
        words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.key, "-out", self.path,
                 "-days", "2", "-subj", f"/CN=test {stem.name}", "-addext", f"basicConstraints=critical,CA:{str(is_authority).upper()}"]
        if names:
            words += ["-addext", "subjectAltName=" + ",".join(f"IP:{n}" if n[0].isdigit() else f"DNS:{n}" for n in names)]
        if issuer:
            words += ["-CA", issuer.path, "-CAkey", issuer.key]
        openssl(*words)
        if expired:
            openssl("x509", "-in", self.path, "-signkey", self.key, "-days", "-1", "-out", self.path)
        if chain:
            self.path.write_text(self.path.read_text() + issuer.path.read_text())

    @property
    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key)
        return context

    def tlsa(self, usage, selector=1, matching=1):
        """The data of a TLSA record of it."""
        if selector == 0:
            der = openssl("x509", "-in", self.path, "-outform", "DER")
        else:
            public = openssl("x509", "-in", self.path, "-pubkey", "-noout")
            der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public, check=True, capture_output=True).stdout
        data = {0: lambda: der.hex(), 1: lambda: hashlib.sha256(der).hexdigest(), 2: lambda: hashlib.sha512(der).hexdigest()}[matching]()
        return f"TLSA {usage} {selector} {matching} {data}"
