"""The local broker behind closed doors: TLS, SCRAM users, client certificates and access lists; loopback only."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import KafkaAdminClient, UserScramCredentialUpsertion
from kafka.errors import KafkaError

from churn.errors import BrokerUnavailable
from churn_io.kafka import ANSWER_SECONDS
from sandbox.broker import HOST, PROPERTIES, Broker, free_ports, launch, stop

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
MECHANISM = "SCRAM-SHA-512"
ADMIN = "admin"  # may do everything; a SCRAM user, or a certificate of that common name

LISTENERS = """\
listeners=SASL_SSL://{host}:{sasl},SSL://{host}:{tls},CONTROLLER://{host}:{controller}
advertised.listeners=SASL_SSL://{host}:{sasl},SSL://{host}:{tls}
listener.security.protocol.map=CONTROLLER:SSL,SASL_SSL:SASL_SSL,SSL:SSL
controller.quorum.voters=1@{host}:{controller}
inter.broker.listener.name=SSL
sasl.enabled.mechanisms={mechanism}
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram} required;
listener.name.ssl.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
ssl.truststore.type=PEM
ssl.truststore.location={authority}
ssl.keystore.type=PEM
ssl.keystore.location={own}
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin}
"""


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority's certificate, and the broker's own with its key; its common name is ADMIN."""

    authority: Path
    own: Path


@dataclass(frozen=True)
class Doors:
    """The addresses of the two ways in: by password, and by certificate."""

    by_password: str
    by_certificate: str


@contextmanager
def running_secured_broker(
    folder: Path, certificates: Certificates, passwords: Mapping[str, str], require_answer: Callable[[str], None]
) -> Iterator[Doors]:
    """A fresh broker with these SCRAM users, stopped at the block's end; `require_answer` is given its first address.

    A user is the same whether it comes with a password or with a certificate of that common name.
    """
    broker = Broker(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sasl, tls, controller = free_ports(0, 0, 0)
    overruled = {line.partition("=")[0] for line in LISTENERS.splitlines()}
    common = [line for line in PROPERTIES.splitlines() if line.partition("=")[0] not in overruled]
    settings = LISTENERS.format(
        host=HOST,
        sasl=sasl,
        tls=tls,
        controller=controller,
        admin=ADMIN,
        scram=SCRAM,
        mechanism=MECHANISM,
        **vars(certificates),
    ) + "\n".join(common).format(data=broker.data.resolve())
    broker.properties.write_text(settings)

    def require_users() -> None:
        add_users(f"{HOST}:{tls}", certificates, passwords)
        require_answer(f"{HOST}:{sasl}")

    try:
        launch(broker, require_users)
        yield Doors(f"{HOST}:{sasl}", f"{HOST}:{tls}")
    finally:
        stop(folder)


def add_users(address: str, certificates: Certificates, passwords: Mapping[str, str]) -> None:
    """Give a broker its SCRAM users, by the administrator's certificate; raises BrokerUnavailable until it takes them.

    Kafka's own tools take a password, or what is as good as one, as a word of their command, which every user of the
    machine can read.
    """
    context = ssl.create_default_context(cafile=str(certificates.authority))
    context.load_cert_chain(certificates.own)
    users = [UserScramCredentialUpsertion(name, MECHANISM, password) for name, password in passwords.items()]
    try:
        client = KafkaAdminClient(
            bootstrap_servers=address,
            security_protocol="SSL",
            ssl_context=context,
            bootstrap_timeout_ms=ANSWER_SECONDS * 1000,
        )
        with closing(client):
            answers = client.alter_user_scram_credentials(users)
    except KafkaError as error:
        raise BrokerUnavailable(f"{address} takes no users yet ({type(error).__name__})") from error
    if any(answers.values()):
        raise BrokerUnavailable(f"{address} takes no users yet ({answers})")
