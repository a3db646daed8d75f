"""Why a broker did not let us in, found out by knocking again: one TLS handshake, in words that say what to do."""

import socket
import ssl
from contextlib import suppress

from churn_io.kafka_security import CONFIG, Security

ANSWER_SECONDS = 2


def why_closed(bootstrap: str, security: Security) -> str | None:
    """What stands between us and the first of these addresses that takes connections; None when none does."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS) as connection:
                return _said(connection, host, security)
        except (OSError, ValueError):
            continue
    return None


def _said(connection: socket.socket, host: str, security: Security) -> str | None:
    if security.protocol == "PLAINTEXT":
        advice = f"something there speaks TLS; name a file with security.protocol=SSL or SASL_SSL in {CONFIG}"
        return advice if _is_tls(connection) else None
    where = f"{security.file} (named by {CONFIG})"
    refusal = _refusal(connection, host, security.context())
    if refusal:
        return f"{refusal} in {where}"
    if security.protocol == "SASL_SSL":
        return (
            f"TLS is well, but {security.who} is not let in; correct username, password and sasl.mechanism in {where}, "
            "or give the user that password at the broker"
        )
    return f"TLS is well, but nothing more; does its listener want a login, security.protocol=SASL_SSL in {where}?"


def _refusal(connection: socket.socket, host: str, context: ssl.SSLContext) -> str | None:
    """Why the handshake fails, and which property to look at; None when it does not."""
    try:
        with context.wrap_socket(connection, server_hostname=host) as secured, suppress(TimeoutError):
            # a broker that misses our certificate says so after the handshake (TLS 1.3); a content one waits for us
            secured.recv(1)
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not trusted ({error.verify_message}); see ssl.truststore.location"
    except OSError as error:
        reason = getattr(error, "reason", None) or str(error)
        if "CERTIFICATE" in reason:
            return f"it refuses or misses our certificate ({reason}); see ssl.keystore.location"
        return f"no TLS there ({reason}); see security.protocol"
    return None


def _is_tls(connection: socket.socket) -> bool:
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    stranger.check_hostname = False  # only whether it speaks TLS; nothing is sent
    stranger.verify_mode = ssl.CERT_NONE
    try:
        with stranger.wrap_socket(connection):
            return True
    except OSError:
        return False
