"""Certificates for a test: an authority, and PEM files of a certificate with its key that it signs."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def write(self, file):
        """Its certificate, for whoever is to trust it."""
        file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return file


def authority(name):
    key = ec.generate_private_key(ec.SECP256R1())
    wanted = _wanted(name, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Authority(key, wanted.issuer_name(_name(name)).sign(key, hashes.SHA256()))


def issue(signer, file, name, host="127.0.0.1", password=None):
    """A PEM file: the key, encrypted if there is a password, and a certificate for the name and the host."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    wanted = _wanted(name, key).add_extension(names, critical=False).issuer_name(signer.certificate.subject)
    in_pem = serialization.Encoding.PEM
    secret = key.private_bytes(in_pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    kept = encrypted(secret, password) if password else secret
    file.write_bytes(kept + wanted.sign(signer.key, hashes.SHA256()).public_bytes(in_pem))
    return file


def encrypted(key, password, *how):
    """A key in PEM, encrypted as docs/security.md says, or as OpenSSL is told: `cryptography` knows PBES2 alone."""
    command = ["openssl", "pkcs8", "-topk8", *(how or ("-v1", "PBE-SHA1-3DES")), "-passout", "stdin"]
    # the password is the first line of what openssl reads, so the key comes as a file of its own
    with NamedTemporaryFile() as plain:
        Path(plain.name).write_bytes(key)
        return subprocess.run(
            [*command, "-in", plain.name], input=password.encode(), stdout=subprocess.PIPE, check=True
        ).stdout


def _wanted(name, key):
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - A_DAY)
        .not_valid_after(now + A_DAY)
    )


def _name(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
