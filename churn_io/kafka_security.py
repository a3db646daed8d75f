"""How to speak to a broker that is closed: one file of Kafka's own client properties, for kafka-python and Spark alike.

Spark gets no value of it, but references that Kafka's client resolves where it connects: no plan, log or checkpoint of
Spark's can hold a password then.
"""

import os
import re
import ssl
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from churn.errors import BadSetup
from churn_io.java_properties import login, properties

CONFIG = "SPARKIFY_KAFKA_CONFIG"  # names the file; without it Kafka is spoken to in the clear

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_SSL")
MODULES = {"PLAIN": "Plain", "SCRAM-SHA-256": "Scram", "SCRAM-SHA-512": "Scram"}  # a mechanism's login module
KNOWN = (
    "security.protocol",
    "sasl.mechanism",
    "sasl.jaas.config",
    "ssl.truststore.type",
    "ssl.truststore.location",
    "ssl.keystore.type",
    "ssl.keystore.location",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
)
PKCS8 = re.compile(r"-----BEGIN (ENCRYPTED )?PRIVATE KEY-----(?P<text>[A-Za-z0-9+/=\s]+)-----END")
PBES2 = bytes.fromhex("2a864886f70d01050d")  # its object identifier, 1.2.840.113549.1.5.13
PROVIDER = {
    "kafka.config.providers": "file",
    "kafka.config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
}


@dataclass(frozen=True)
class Security:
    """The properties of one file, checked; none for a broker that is open."""

    file: Path | None
    values: dict[str, str] = field(repr=False)  # a password may be among them

    @property
    def protocol(self) -> str:
        """PLAINTEXT, SSL or SASL_SSL."""
        return self.values.get("security.protocol", "PLAINTEXT")

    @property
    def login(self) -> dict[str, str]:
        """`username` and `password`; empty without a login."""
        return login(self.values.get("sasl.jaas.config", ""))[1]

    @property
    def who(self) -> str:
        """Whom the broker sees in us."""
        own = self.values.get("ssl.keystore.location", "")
        return f"user {self.login['username']}" if self.login else f"the certificate in {own}" if own else "anybody"

    def context(self) -> ssl.SSLContext:
        """Whom to trust, and who we are; raises BadSetup for certificates or a key that cannot be read."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.check_hostname = self.values.get("ssl.endpoint.identification.algorithm") != ""
        trusted, own = self.values.get("ssl.truststore.location"), self.values.get("ssl.keystore.location")
        try:
            if trusted:
                made.load_verify_locations(trusted)
            else:
                made.load_default_certs()
            if own:
                # always a password: OpenSSL would ask at the terminal for one that is missing
                made.load_cert_chain(own, password=self.values.get("ssl.key.password", ""))
        except OSError as error:
            raise BadSetup(
                f"{self.file}: ssl.truststore.location={trusted or ''} or ssl.keystore.location={own or ''} cannot be "
                f"used ({error.strerror or error}); both must be readable PEM files, and ssl.key.password the key's"
            ) from error
        return made

    def for_kafka_python(self) -> dict[str, Any]:
        """Keyword arguments of kafka-python's clients."""
        if self.protocol == "PLAINTEXT":
            return {}
        found: dict[str, Any] = {"security_protocol": self.protocol, "ssl_context": self.context()}
        if self.protocol == "SASL_SSL":
            found["sasl_mechanism"] = self.values["sasl.mechanism"]
            found["sasl_plain_username"] = self.login["username"]
            found["sasl_plain_password"] = self.login["password"]
        return found

    def for_spark(self) -> dict[str, str]:
        """Options of Spark's Kafka source and sink: where to find each value, on every node."""
        if not self.values or self.file is None:
            return {}
        return PROVIDER | {f"kafka.{name}": f"${{file:{self.file}:{name}}}" for name in self.values}


def configured() -> Security:
    """What SPARKIFY_KAFKA_CONFIG says; raises BadSetup when it cannot be read or says what is not known here."""
    named = os.environ.get(CONFIG)
    if not named:
        return Security(None, {})
    file = Path(named).absolute()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise BadSetup(f"{CONFIG} names {file}, which cannot be read: {reason}; name a file of properties") from error
    security = Security(file, properties(text))
    wrong = _wrong(security)
    if wrong:
        raise BadSetup(f"{file} (named by {CONFIG}): {wrong}")
    return security


def client_settings(bootstrap: str) -> dict[str, Any]:
    """Whom and how kafka-python's clients are to address."""
    return {"bootstrap_servers": bootstrap, **configured().for_kafka_python()}


def spark_options(bootstrap: str) -> dict[str, str]:
    """Whom and how Spark's Kafka source and sink are to address."""
    return {"kafka.bootstrap.servers": bootstrap, **configured().for_spark()}


def _wrong(security: Security) -> str | None:
    """What the file says that cannot be meant, and what to say instead; never a value that may be secret."""
    values = security.values
    strange = sorted(set(values) - set(KNOWN))
    if strange:
        return f"{', '.join(strange)} is not known here; known are {', '.join(KNOWN)}"
    if security.protocol not in PROTOCOLS:
        return f"security.protocol is {security.protocol}; say one of {', '.join(PROTOCOLS)}"
    if any(sign in str(security.file) for sign in ":}"):
        return "Kafka's client cannot read a file with : or } in its path; rename it"
    if values.get("ssl.endpoint.identification.algorithm", "https").lower() not in ("https", ""):
        return "ssl.endpoint.identification.algorithm must be https, or empty to trust whatever name a certificate has"
    return _wrong_store(values) or (_wrong_login(security) if security.protocol == "SASL_SSL" else None)


def _wrong_store(values: dict[str, str]) -> str | None:
    for store in ("truststore", "keystore"):
        if f"ssl.{store}.location" in values and values.get(f"ssl.{store}.type") != "PEM":
            return f"say ssl.{store}.type=PEM, the one type that all clients here read"
    own = Path(values.get("ssl.keystore.location", ""))
    return _wrong_key(own) if own.is_file() else None


def _wrong_key(own: Path) -> str | None:
    """Why Kafka's Java client could not read the key in a PEM file; kafka-python would read more kinds."""
    key = PKCS8.search(own.read_text(errors="replace"))
    if not key:
        return f"{own} holds no PKCS#8 key, which Kafka's client wants; `openssl pkcs8 -topk8 -in KEY` makes one"
    if PBES2 in b64decode(key["text"]):
        return (
            f"{own}: its key is encrypted with PBES2, which Java 17 does not read; "
            "`openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in KEY` encrypts it so that all clients do"
        )
    return None


def _wrong_login(security: Security) -> str | None:
    mechanism = security.values.get("sasl.mechanism", "")
    if mechanism not in MODULES:
        return f"sasl.mechanism is {mechanism or 'missing'}; say one of {', '.join(MODULES)}"
    module, options = login(security.values.get("sasl.jaas.config", ""))
    wanted = MODULES[mechanism]
    if module != wanted or set(options) != {"username", "password"}:
        return (
            f"sasl.jaas.config must read org.apache.kafka.common.security.{wanted.lower()}.{wanted}LoginModule "
            'required username="…" password="…";'
        )
    return None
