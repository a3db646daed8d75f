"""The file of properties: read as Java reads it, and refused in one line where it cannot be meant."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from churn.errors import BadSetup
from churn_io.java_properties import login, properties
from churn_io.kafka_security import CONFIG, configured, spark_options
from tests.security.certificates import authority, encrypted, issue

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
WHOLE = f"""
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={SCRAM} required username="u" password="p4ss";
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A function that names a file of this text."""
    file = tmp_path / "kafka.properties"
    monkeypatch.setenv(CONFIG, str(file))

    def say(text):
        file.write_text(text, encoding="utf-8")
        return file

    return say


@pytest.mark.parametrize(
    "text",
    [
        "a=1\nb : 2\nc 3\nd\n",
        "# no\n! neither\n  a = b = c  \n\n",
        "a=one \\\n   two\\\n\tthree\nb=end\\\\\nc=next",
        "a\\=b=c\\td\\u00e9\\z\nkey\\ with=x",
        'sasl.jaas.config=x required \\\n  username="u" \\\n  password="p:#!=\\\\"";\n',
        "a=1\na=2\r\nb=ünï\n",
    ],
)
def test_a_file_is_read_as_java_reads_it(spark, text):
    java = spark._jvm.java.util.Properties()
    java.load(spark._jvm.java.io.StringReader(text))
    assert properties(text) == dict(java)


def test_a_login_may_hold_quotes_and_backslashes():
    assert login(f'{SCRAM} required username="a b" password="p\\"=;\\\\x";') == (
        "Scram",
        {"username": "a b", "password": 'p"=;\\x'},
    )
    assert login("com.example.Other required;") == ("", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sasl.kerberos.service.name=kafka\n", "sasl.kerberos.service.name is not known here; known are"),
        ("security.protocol=SASL_PLAINTEXT\n", "security.protocol is SASL_PLAINTEXT; say one of"),
        ("security.protocol=SASL_SSL\n", "sasl.mechanism is missing; say one of"),
        ("security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI\n", "sasl.mechanism is GSSAPI; say one of"),
        (WHOLE.replace("password=", "secret="), "sasl.jaas.config must read"),
        (WHOLE.replace("512", "512\nssl.truststore.location=/x.jks"), "say ssl.truststore.type=PEM"),
        (WHOLE + "ssl.endpoint.identification.algorithm=none\n", "must be https, or empty"),
        (WHOLE + "ssl.truststore.type=PEM\nssl.truststore.location=/no/such.pem\n", "ssl.truststore.location=/no/such"),
    ],
)
@pytest.mark.parametrize("command", ["alerts", "score"])
def test_what_cannot_be_meant_is_refused_without_saying_the_password(settings, complaint, command, text, said):
    file = settings(text)
    line = complaint(command, "--bootstrap", "127.0.0.1:1")
    assert said in line
    assert str(file) in line
    assert "p4ss" not in line


def test_a_file_that_cannot_be_read(monkeypatch, complaint, tmp_path):
    monkeypatch.setenv(CONFIG, str(tmp_path / "none"))
    assert f"{CONFIG} names {tmp_path / 'none'}, which cannot be read: No such file" in complaint("alerts")
    (tmp_path / "none").write_bytes(b"\xff\xfe")
    assert "which cannot be read: not UTF-8" in complaint("alerts")


def keystore(settings, file, **other):
    """What is said of this keystore."""
    settings(
        "".join(
            f"{name}={value}\n"
            for name, value in {
                "security.protocol": "SSL",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": file,
                **other,
            }.items()
        )
    )
    return configured().for_kafka_python


def test_a_key_needs_its_password_and_kafkas_format(settings, tmp_path):
    own = issue(authority("a"), tmp_path / "own.pem", "me", password="s3cret")
    for password in ({}, {"ssl.key.password": "wrong"}):
        with pytest.raises(BadSetup, match=r"own\.pem cannot be used .* ssl\.key\.password the key's"):
            keystore(settings, own, **password)()
    assert "ssl_context" in keystore(settings, own, **{"ssl.key.password": "s3cret"})()
    key = ec.generate_private_key(ec.SECP256R1())
    kept = serialization.PrivateFormat.TraditionalOpenSSL
    own.write_bytes(key.private_bytes(serialization.Encoding.PEM, kept, serialization.NoEncryption()))
    with pytest.raises(BadSetup, match=r"holds no PKCS#8 key.* `openssl pkcs8 -topk8"):
        keystore(settings, own)


def test_a_key_that_java_would_not_read_is_refused_with_what_to_do(settings, tmp_path):
    own = issue(authority("a"), tmp_path / "own.pem", "me")
    own.write_bytes(encrypted(own.read_bytes(), "s3cret", "-v2", "aes-256-cbc"))
    with pytest.raises(BadSetup, match=r"encrypted with PBES2, which Java 17 does not read.* -v1 PBE-SHA1-3DES"):
        keystore(settings, own, **{"ssl.key.password": "s3cret"})


def test_spark_is_told_where_to_find_a_value_not_the_value(settings):
    file = settings(WHOLE)
    options = spark_options("there:9092")
    assert options["kafka.bootstrap.servers"] == "there:9092"
    assert options["kafka.sasl.jaas.config"] == f"${{file:{file}:sasl.jaas.config}}"
    assert "p4ss" not in str(options)
    assert "p4ss" not in repr(configured())


def test_without_a_file_nothing_is_added(monkeypatch):
    monkeypatch.delenv(CONFIG, raising=False)
    assert spark_options("there:9092") == {"kafka.bootstrap.servers": "there:9092"}


def test_the_local_broker_does_not_start_for_clients_that_want_more(settings, complaint, tmp_path):
    settings(WHOLE)
    said = complaint("kafka", "start", "--data", tmp_path / "kafka", "--port", 0)
    assert f"the local broker speaks in the clear, and {CONFIG} asks for more; unset it" in said
