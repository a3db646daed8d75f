import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from churn.errors import BadSetup
from churn_io.kafka import create_topics, require_broker
from churn_io.kafka_security import CONFIG, client_settings
from sandbox.secured_broker import ADMIN, Certificates, Doors, running_secured_broker
from tests.conftest import missing
from tests.security.certificates import authority, issue

DOC = Path(__file__).parent.parent.parent / "docs" / "security.md"
MARK = "pa55-M4RK3D"  # in every password, so that it can be looked for
ROLES = ("producer", "stream", "reader", "clerk")
PASSWORDS = {name: f"{MARK}-{name}" for name in (ADMIN, *ROLES)}


@dataclass(frozen=True)
class Secured:
    """A broker behind closed doors, and a folder with a file of properties for each user and way in."""

    doors: Doors
    folder: Path

    def by_password(self, user, **other):
        """The file that logs the user in with its password; `other` overrules properties, _ for a dot."""
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
        return self._file(
            f"{user}-password",
            {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.jaas.config": f'{scram} required username="{user}" password="{PASSWORDS.get(user)}";',
            },
            other,
        )

    def by_certificate(self, user, **other):
        """The file that lets the user in by its certificate."""
        own = self.folder / f"{user}.pem"
        properties = {"security.protocol": "SSL", "ssl.keystore.type": "PEM", "ssl.keystore.location": own}
        return self._file(f"{user}-certificate", {**properties, "ssl.key.password": PASSWORDS[user]}, other)

    def _file(self, name, properties, other):
        trust = {"ssl.truststore.type": "PEM", "ssl.truststore.location": self.folder / "authority.pem"}
        overruled = {key.replace("_", "."): value for key, value in other.items()}
        rows = {**properties, **trust, **overruled}
        file = self.folder / f"{name}.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in rows.items() if value is not None))
        return file


@pytest.fixture(scope="session")
def secured(tmp_path_factory):
    """A real broker with TLS, users, and the access lists that docs/security.md names; topics made."""
    folder = tmp_path_factory.mktemp("certificates")
    signer = authority("test authority")
    certificates = Certificates(signer.write(folder / "authority.pem"), issue(signer, folder / "broker.pem", ADMIN))
    for user in ROLES:
        issue(signer, folder / f"{user}.pem", user, password=PASSWORDS[user])
    as_admin = Secured(Doors("", ""), folder).by_password(ADMIN)
    place = tmp_path_factory.mktemp("secured") / "kafka"
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(CONFIG, str(as_admin))
            running = running_secured_broker(place, certificates, PASSWORDS, require_broker)
            doors = running.__enter__()
            create_topics(doors.by_password)
            grant(doors.by_password)
    except BadSetup as error:
        missing(str(error))
    yield Secured(doors, folder)
    running.__exit__(None, None, None)


def documented_acls():
    """(user, operation, topic) of each command in docs/security.md."""
    for command in re.findall(r"^kafka-acls\.sh .*--add .*$", DOC.read_text(), re.M):
        words = shlex.split(command)
        after = [(words[n], words[n + 1]) for n in range(len(words) - 1)]
        user = dict(after)["--allow-principal"].removeprefix("User:")
        for option, operation in after:
            if option == "--operation":
                yield user, operation.upper(), dict(after)["--topic"]


def grant(bootstrap):
    """Run the documented commands."""
    client = KafkaAdminClient(**client_settings(bootstrap))
    acls = [
        ACL(
            f"User:{user}",
            "*",
            ACLOperation[operation],
            ACLPermissionType.ALLOW,
            ResourcePattern(ResourceType.TOPIC, topic),
        )
        for user, operation, topic in documented_acls()
    ]
    assert client.create_acls(acls)["failed"] == []
    client.close()
