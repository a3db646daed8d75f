"""Whether `docker compose up` can work here, or one line that says what to do; needs nothing but Python."""

import json
import shutil
import socket
import subprocess
import sys

WITHOUT = "without Docker: `make demo`, or `sparkify kafka start`"


def asked(*words: str) -> subprocess.CompletedProcess[str]:
    """What docker answers."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)


def obstacle() -> str | None:
    """What is in the way, and what to do; None if nothing is."""
    if not shutil.which("docker"):
        return f"found no docker on the PATH; install Docker with its compose plugin; {WITHOUT}"
    engine = asked("info")
    if engine.returncode:
        reason = (engine.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"Docker's engine does not answer: {reason}; start it, or join its group; {WITHOUT}"
    if asked("compose", "version").returncode:
        return f"Docker has no compose plugin; install docker-compose-plugin (Ubuntu: docker-compose-v2); {WITHOUT}"
    settings = asked("compose", "config", "--format", "json")
    if settings.returncode:
        return f"docker-compose.yml or .env is not understood: {settings.stderr.strip().splitlines()[-1]}"
    port = int(json.loads(settings.stdout)["services"]["kafka"]["ports"][0]["published"])
    if is_taken(port) and not asked("compose", "ps", "--quiet", "--status", "running", "kafka").stdout.strip():
        return f"port {port} is taken; end what uses it, or say another: SPARKIFY_KAFKA_PORT={port + 1} make up"
    return None


def is_taken(port: int) -> bool:
    """Whether something listens there on loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


if __name__ == "__main__":
    found = obstacle()
    sys.exit(f"error: {found}" if found else None)
