# SPDX-License-Identifier: MIT
"""Certificates for tests, made when they are needed and gone with the run.

An Authority signs Certificates: good ones, expired ones, ones for somebody else's name. A client
that trusts another Authority is how a test gets a wrong CA.
"""

import datetime
import ipaddress
import os
import shutil
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import net

HERE = (net.LOOPBACK, "localhost")
_DAY = datetime.timedelta(days=1)


@dataclass
class Certificate:
    """Paths of PEM files: the certificate, its key, and both in one file as Kafka's brokers want them."""

    cert: str
    key: str
    both: str


class Authority:
    """A certificate authority of the test's own; `cert` is the path of its certificate."""

    def __init__(self, scratch, name="CA of the test"):
        self._dir = scratch.dir("ca")
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._count = 0
        now = _now()
        certificate = self._sign(
            self._begin(self._name, self._key, now - _DAY, now + _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True))
        self.cert = os.path.join(self._dir, "ca.crt")
        _write(self.cert, _pem(certificate))

    def issue(self, name, hosts=HERE, expired=False, owner=None):
        """A certificate that servers and clients can use. hosts: names and addresses it is for.

        owner: user that shall own the files, which only that user may read.
        """
        self._count += 1
        key = ec.generate_private_key(ec.SECP256R1())
        end = _now() - _DAY if expired else _now() + _DAY
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = self._sign(
            self._begin(_name(name), key, end - 2 * _DAY, end)
            .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False))
        base = os.path.join(self._dir, f"{self._count}-{name}")
        made = Certificate(f"{base}.crt", f"{base}.key", f"{base}.pem")
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption())
        for path, content in ((made.cert, _pem(certificate)), (made.key, secret),
                              (made.both, secret + _pem(certificate))):
            _write(path, content, owner)
        return made

    def _begin(self, subject, key, begin, end):
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(begin).not_valid_after(end))

    def _sign(self, builder):
        return builder.sign(self._key, hashes.SHA256())


def _now():
    return datetime.datetime.utcnow()


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(path, content, owner=None):
    """A private file from its first byte on."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    if owner:
        shutil.chown(path, owner, owner)
