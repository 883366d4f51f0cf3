"""A certificate authority for one test, and what it issues."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates for 127.0.0.1."""

    def __init__(self) -> None:
        self._key = _key("authority")
        self._name = _named("Weigov test authority")
        self._own = self._certificate(self._name, self._key, ca=True)

    def write(self, folder: Path) -> Path:
        """The authority's own certificate, as a file."""
        file = folder / "ca.pem"
        file.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))
        return file

    def issue(self, name: str, folder: Path, *, password: bytes | None = None) -> tuple[Path, Path]:
        """A certificate and its key, as files."""
        key = _key(name)
        cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
        certificate = self._certificate(_named(name), key, ca=False)
        cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
        return cert_file, key_file

    def _certificate(self, subject: x509.Name, key: RSAPrivateKey, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        return (builder if ca else builder.add_extension(host, critical=False)).sign(self._key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@cache  # a key takes a tenth of a second, and no test looks at one twice
def _key(name: str) -> RSAPrivateKey:
    return generate_private_key(65537, 2048)
