"""The local broker behind closed doors: TLS, SCRAM users, client certificates and access lists; loopback only."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.broker import HOST, PROPERTIES, Broker, free_ports, launch, stop

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
ADMIN = "admin"  # may do everything; a SCRAM user, or a certificate of that common name

LISTENERS = """\
listeners=SASL_SSL://{host}:{sasl},SSL://{host}:{tls},CONTROLLER://{host}:{controller}
advertised.listeners=SASL_SSL://{host}:{sasl},SSL://{host}:{tls}
listener.security.protocol.map=CONTROLLER:SSL,SASL_SSL:SASL_SSL,SSL:SSL
controller.quorum.voters=1@{host}:{controller}
inter.broker.listener.name=SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
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
        host=HOST, sasl=sasl, tls=tls, controller=controller, admin=ADMIN, scram=SCRAM, **vars(certificates)
    ) + "\n".join(common).format(data=broker.data.resolve())
    broker.properties.write_text(settings)
    users = [f"SCRAM-SHA-512=[name={name},password={password}]" for name, password in passwords.items()]
    options = tuple(word for user in users for word in ("--add-scram", user))
    try:
        launch(broker, lambda: require_answer(f"{HOST}:{sasl}"), options)
        yield Doors(f"{HOST}:{sasl}", f"{HOST}:{tls}")
    finally:
        stop(folder)
