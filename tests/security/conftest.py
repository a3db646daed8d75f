import re
import shlex
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from churn.errors import BadSetup, NotAllowed
from churn.topics import CHURN_ALERTS, CHURN_SCORES, REJECTED_EVENTS, USER_EVENTS
from churn_io.kafka import admin, create_topics, require_broker, require_topics
from churn_io.kafka_security import CONFIG
from sandbox.secured_broker import ADMIN, Certificates, Doors, running_secured_broker
from tests.conftest import missing, new_topics
from tests.security.certificates import authority, issue
from tests.security.programs import Program, overheard

DOC = Path(__file__).parent.parent.parent / "docs" / "security.md"
MARK = "pa55-M4RK3D"  # in every password, so that it can be looked for
ROLES = ("producer", "stream", "reader", "clerk", "trainer")
PASSWORDS = {name: f"{MARK}-{name}" for name in (ADMIN, *ROLES)}
ALLOWED = {  # what the documented commands come to
    ("producer", "WRITE", USER_EVENTS),
    ("stream", "READ", USER_EVENTS),
    ("stream", "WRITE", CHURN_SCORES),
    ("stream", "READ", CHURN_ALERTS),
    ("stream", "WRITE", CHURN_ALERTS),
    ("stream", "WRITE", REJECTED_EVENTS),
    ("reader", "READ", CHURN_ALERTS),
    ("clerk", "READ", REJECTED_EVENTS),
    ("trainer", "READ", USER_EVENTS),
}
PERSONAL = {
    "firstName": "Zwentibold",
    "lastName": "Quarkenbusch",
    "location": "Elbflorenz-Blasewitz, SN",  # none of the areas whose names are in each plan
    "userAgent": "Gramophone/78.0 (shellac)",
}
EFFECT_SECONDS = 10  # until a right that was given or taken away is told of at the latest


@dataclass(frozen=True)
class Secured:
    """A broker behind closed doors, and a folder with a file of properties for each user and way in."""

    doors: Doors
    folder: Path
    commands: frozenset[str] = frozenset()  # of the processes that were seen while it was set up

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

    @contextmanager
    def by_admin(self):
        """Inside the block this process is the administrator."""
        with coming(self.by_password(ADMIN)):
            yield self.doors.by_password

    def new_topics(self):
        """The four topics under names that nobody has used, for nobody yet."""
        with self.by_admin() as door:
            return new_topics(door)

    def grant(self, *rights):
        """Give each (user, operation, topic), and wait until the broker says so."""
        with self.by_admin() as door:
            grant(door, rights)
        for right in rights:
            self._await(right, True)

    def revoke(self, *right):
        """Take a (user, operation, topic) away, and wait until the broker says so."""
        with self.by_admin() as door, admin(door) as client:
            ((_, taken, _),) = client.delete_acls([acl(*right)])
        assert len(taken) == 1
        self._await(right, False)

    def _await(self, right, is_given):
        user, operation, topic = right
        deadline = time.monotonic() + EFFECT_SECONDS
        with coming(self.by_password(user)):
            while is_allowed(self.doors.by_password, operation, topic) != is_given:
                assert time.monotonic() < deadline, right
                time.sleep(0.05)

    def _file(self, name, properties, other):
        trust = {"ssl.truststore.type": "PEM", "ssl.truststore.location": self.folder / "authority.pem"}
        overruled = {key.replace("_", "."): value for key, value in other.items()}
        rows = {**properties, **trust, **overruled}
        file = self.folder / f"{name}.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in rows.items() if value is not None))
        return file


@contextmanager
def coming(file):
    """Inside the block this process comes with a file of properties."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIG, str(file))
        yield


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
        with coming(as_admin), overheard(str(place), MARK) as commands:
            running = running_secured_broker(place, certificates, PASSWORDS, require_broker)
            doors = running.__enter__()
            create_topics(doors.by_password)
            grant(doors.by_password, documented_acls())
    except BadSetup as error:
        missing(str(error))
    yield Secured(doors, folder, frozenset(commands))
    running.__exit__(None, None, None)


@pytest.fixture
def enter(secured, monkeypatch):
    """A function that has this process come with a file of properties."""
    return lambda file: monkeypatch.setenv(CONFIG, str(file))


@pytest.fixture
def program(tmp_path):
    """A program that logs Spark's events, plans among them, uncompressed."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "events").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").write_text(
        f"spark.eventLog.enabled true\nspark.eventLog.compress false\nspark.eventLog.dir file://{tmp_path / 'events'}\n"
    )
    return Program(tmp_path)


def documented_acls():
    """(user, operation, topic) of each command in docs/security.md."""
    for command in re.findall(r"^kafka-acls\.sh .*--add .*$", DOC.read_text(), re.M):
        words = shlex.split(command)
        after = [(words[n], words[n + 1]) for n in range(len(words) - 1)]
        user = dict(after)["--allow-principal"].removeprefix("User:")
        for option, operation in after:
            if option == "--operation":
                yield user, operation.upper(), dict(after)["--topic"]


def grant(bootstrap, rights):
    """Give each (user, operation, topic)."""
    with admin(bootstrap) as client:
        assert client.create_acls([acl(*right) for right in rights])["failed"] == []


def is_allowed(bootstrap, operation, topic):
    """Whether the broker says that whoever this process comes as may do it."""
    try:
        require_topics(bootstrap, {topic: {operation}})
    except NotAllowed:
        return False
    return True


def acl(user, operation, topic):
    """The right as Kafka has it."""
    pattern = ResourcePattern(ResourceType.TOPIC, topic)
    return ACL(f"User:{user}", "*", ACLOperation[operation], ACLPermissionType.ALLOW, pattern)
