"""Who may come in, and do what: each refusal is one line that says what to do, by each program, before Spark starts."""

import pytest

from churn.errors import NotAllowed
from churn.topics import CHURN_ALERTS, CHURN_SCORES, REJECTED_EVENTS, USER_EVENTS
from churn_io.kafka import require_topics
from churn_io.kafka_security import CONFIG
from tests.security.certificates import authority, issue
from tests.security.conftest import ALLOWED, ROLES


@pytest.fixture
def log(tmp_path):
    """A log of one line."""
    file = tmp_path / "log.json"
    file.write_text('{"userId": "1", "ts": 1538352117000}\n')
    return file


@pytest.mark.parametrize("topic", [USER_EVENTS, REJECTED_EVENTS, CHURN_SCORES, CHURN_ALERTS])
@pytest.mark.parametrize("user", ROLES)
def test_each_role_is_told_that_it_may_do_what_is_documented_and_nothing_else(secured, enter, user, topic):
    enter(secured.by_password(user))
    for act in ("READ", "WRITE", "DELETE", "ALTER"):
        if (user, act, topic) in ALLOWED:
            require_topics(secured.doors.by_password, {topic: {act}})
        else:
            with pytest.raises(NotAllowed, match=f"does not allow user {user} to {act} {topic}"):
                require_topics(secured.doors.by_password, {topic: {act}})


def test_the_producer_may_not_read_alerts(secured, enter, complaint):
    enter(secured.by_password("producer"))
    said = complaint("alerts", "--bootstrap", secured.doors.by_password)
    assert "does not allow user producer to READ churn-alerts; grant it (docs/security.md" in said


def test_a_reader_may_not_replay(secured, enter, complaint, log):
    enter(secured.by_certificate("reader"))
    said = complaint("replay", log, "--bootstrap", secured.doors.by_certificate)
    assert "does not allow the certificate in " in said
    assert "to WRITE user-events" in said


def test_the_producer_may_not_score(secured, enter, complaint):
    enter(secured.by_password("producer"))
    said = complaint("score", "--bootstrap", secured.doors.by_password)
    assert "does not allow user producer to READ user-events" in said
    assert "READ and WRITE churn-alerts" in said


def test_only_an_administrator_makes_topics(secured, enter, complaint):
    enter(secured.by_password("stream"))
    said = complaint("kafka", "topics", "--bootstrap", secured.doors.by_password)
    assert "does not allow user stream to create topic user-events; run as a user that may" in said


def test_a_wrong_password(secured, enter, complaint):
    enter(secured.by_password("nobody"))
    said = complaint("alerts", "--bootstrap", secured.doors.by_password)
    assert "user nobody is not let in; correct username, password and sasl.mechanism in " in said


def test_a_client_in_the_clear_at_a_closed_door(secured, monkeypatch, complaint):
    monkeypatch.delenv(CONFIG, raising=False)
    said = complaint("alerts", "--bootstrap", secured.doors.by_password)
    assert f"something there speaks TLS; name a file with security.protocol=SSL or SASL_SSL in {CONFIG}" in said


def test_a_secure_client_at_an_open_door(secured, enter, broker, complaint):
    enter(secured.by_password("reader"))
    said = complaint("alerts", "--bootstrap", broker)
    assert "no TLS there" in said
    assert "security.protocol" in said


def test_a_broker_whose_certificate_is_not_trusted(secured, enter, complaint, tmp_path):
    enter(secured.by_password("reader", ssl_truststore_location=authority("other").write(tmp_path / "other.pem")))
    said = complaint("alerts", "--bootstrap", secured.doors.by_password)
    assert "its certificate is not trusted (" in said
    assert "ssl.truststore.location" in said


def test_a_broker_under_another_name(secured, enter, complaint):
    enter(secured.by_password("reader"))
    address = secured.doors.by_password.replace("127.0.0.1", "localhost")
    assert "its certificate is not trusted (Hostname mismatch" in complaint("alerts", "--bootstrap", address)


def test_no_certificate_where_one_is_asked_for(secured, enter, complaint):
    enter(secured.by_certificate("reader", ssl_keystore_location=None, ssl_keystore_type=None, ssl_key_password=None))
    said = complaint("alerts", "--bootstrap", secured.doors.by_certificate)
    assert "it refuses or misses our certificate" in said


def test_a_certificate_of_a_stranger(secured, enter, complaint, tmp_path):
    own = issue(authority("other"), tmp_path / "own.pem", "reader")
    enter(secured.by_certificate("reader", ssl_keystore_location=own, ssl_key_password=None))
    said = complaint("alerts", "--bootstrap", secured.doors.by_certificate)
    assert "it refuses or misses our certificate" in said


def test_a_mechanism_that_the_broker_lacks(secured, enter, complaint):
    enter(secured.by_password("reader", sasl_mechanism="SCRAM-SHA-256"))
    assert "correct username, password and sasl.mechanism" in complaint(
        "alerts", "--bootstrap", secured.doors.by_password
    )


def test_a_certificate_at_the_door_for_passwords(secured, enter, complaint):
    enter(secured.by_certificate("reader"))
    said = complaint("alerts", "--bootstrap", secured.doors.by_password)
    assert "does its listener want a login, security.protocol=SASL_SSL in " in said
