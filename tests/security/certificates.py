"""Certificates for a test: an authority, and PEM files of a certificate with its key that it signs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

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
    kept = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    in_pem = serialization.Encoding.PEM
    secret = key.private_bytes(in_pem, serialization.PrivateFormat.PKCS8, kept)
    file.write_bytes(secret + wanted.sign(signer.key, hashes.SHA256()).public_bytes(in_pem))
    return file


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
