"""Java's two small formats that Kafka's settings are written in: properties files, and a JAAS login."""

import re

CONTINUED = re.compile(r"(?<!\\)((?:\\\\)*)\\\r?\n[ \t\f]*")
ENTRY = re.compile(r"((?:\\.|[^\\=:\s])+)(?:[ \t\f]*[=:][ \t\f]*|[ \t\f]+|$)(.*)")
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}

MODULE = re.compile(r"org\.apache\.kafka\.common\.security\.\w+\.(\w+)LoginModule\s+required\b(.*);", re.DOTALL)
OPTION = re.compile(r'(\w+)\s*=\s*"((?:\\.|[^"\\])*)"')


def properties(text: str) -> dict[str, str]:
    """The entries of a properties file; the last of a name counts."""
    found = {}
    for line in CONTINUED.sub(r"\1", text).splitlines():
        entry = ENTRY.fullmatch(line.lstrip())
        if entry and not line.lstrip().startswith(("#", "!")):
            found[_unescaped(entry[1])] = _unescaped(entry[2])
    return found


def login(jaas: str) -> tuple[str, dict[str, str]]:
    """The login module, such as Scram, and its options; ('', {}) for what is no login of Kafka's."""
    module = MODULE.fullmatch(jaas.strip())
    if module is None:
        return "", {}
    return module[1], {name: _unescaped(value) for name, value in OPTION.findall(module[2])}


def _unescaped(text: str) -> str:
    return ESCAPE.sub(lambda found: _letter(found[1]), text)


def _letter(escaped: str) -> str:
    return chr(int(escaped[1:], 16)) if len(escaped) == 5 else LETTERS.get(escaped, escaped)
