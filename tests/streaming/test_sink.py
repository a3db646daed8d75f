"""The cool-down's memory: who was alerted when, as the alert topic tells a stream that starts."""

from streaming.sink import last_alerts
from tests.streaming.conftest import widen


def alert(user, as_of):
    """The fields of an alert that the memory is made of, and the time by which the test's producer sends it."""
    return {"user_id": user, "as_of": as_of, "ts": 1}


def test_the_latest_alert_of_each_user_is_remembered_whatever_the_order_and_the_partition(broker, topic_names, send):
    _, results = topic_names
    early, late = "2018-11-01T00:00:00.000Z", "2018-11-09T00:00:00.500Z"
    widen(broker, results.alerts, 2)
    send([alert("a", late), alert("a", early)], topic=results.alerts)
    send([alert("b", early)], partition=1, topic=results.alerts)
    assert last_alerts(broker, results.alerts) == {"a": 1541721600500, "b": 1541030400000}


def test_what_is_no_alert_is_passed_over(broker, topic_names, send):
    _, results = topic_names
    others = [None, b"", b"not JSON", b"[]", b"7", b'{"user_id": "a"}', b'{"user_id": 7, "as_of": "2018-11-01T00:00Z"}']
    undated = [b'{"user_id": "a", "as_of": null}', b'{"user_id": "a", "as_of": "tomorrow"}']
    send([*others, *undated, alert("z", "2018-11-01T00:00:00.000Z")], topic=results.alerts)
    assert last_alerts(broker, results.alerts) == {"z": 1541030400000}


def test_without_alerts_nobody_was_alerted(broker, topic_names):
    assert last_alerts(broker, topic_names[1].alerts) == {}
