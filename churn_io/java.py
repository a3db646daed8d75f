"""Java is a prerequisite that pip cannot install: it is looked for first, and its absence said clearly."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from churn.errors import BadSetup

OLDEST = 17
ADVICE = (
    "Spark 4 needs Java 17 or 21: on Debian or Ubuntu `apt-get install openjdk-17-jre-headless`, "
    "on macOS `brew install openjdk@17`; or point JAVA_HOME to one"
)


def require_java() -> Path:
    """The java program that Spark will start; raises BadSetup when it is missing or too old."""
    java = _java()
    version = _major_version(java)
    if version < OLDEST:
        raise BadSetup(f"found Java {version} at {java}; {ADVICE}")
    return java


def java_version() -> str:
    """What it says of itself: vendor, version, build; raises BadSetup as `require_java` does."""
    return _said(require_java())


def _java() -> Path:
    home = os.environ.get("JAVA_HOME")
    if home:
        java = Path(home) / "bin" / "java"
        if not java.exists():
            raise BadSetup(f"JAVA_HOME is {home}, but there is no {java}; {ADVICE}")
        return java
    found = shutil.which("java")
    if found is None:
        raise BadSetup(f"found no Java on the PATH; {ADVICE}")
    return Path(found)


def _major_version(java: Path) -> int:
    """17 for 'openjdk version "17.0.15"', 8 for 'java version "1.8.0_392"'."""
    said = _said(java)
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    if match is None:
        raise BadSetup(f"{java} -version says {said.strip()[:200]!r}; {ADVICE}")
    return int(match.group(1))


@cache
def _said(java: Path) -> str:
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    return answer.stderr + answer.stdout
