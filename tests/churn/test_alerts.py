from churn.alerts import Candidate, alert_id, decided
from churn.state import DAY_MS


def candidate(day, user="u1"):
    return Candidate(user, day * DAY_MS, {"user_id": user, "probability": 0.4})


def alerted(days):
    """The days of the alerts when one user's score is over the threshold on these days."""
    memory, found = {}, []
    for day in days:
        for alert in decided([candidate(day)], memory, cool_down_days=7):
            memory[alert.user_id] = alert.as_of_ms
            found.append(day)
    return found


def test_a_second_lapse_alerts_again_after_the_cool_down():
    assert alerted([14, 15, 35]) == [14, 35]


def test_a_user_who_stays_over_the_threshold_is_alerted_again_when_the_cool_down_ends():
    assert alerted(range(14, 30)) == [14, 21, 28]


def test_a_score_of_the_past_alerts_nobody_twice():
    assert decided([candidate(10)], {"u1": 14 * DAY_MS}, cool_down_days=7) == []


def test_a_repeated_batch_makes_the_same_alert():
    once, twice = (decided([candidate(14)], {}, cool_down_days=7) for _ in range(2))
    assert once == twice
    assert once[0].record["alert_id"] == alert_id("u1", 14 * DAY_MS)


def test_what_a_challenger_says_is_no_part_of_an_alert():
    alone = candidate(14)
    beside = Candidate("u1", 14 * DAY_MS, {**alone.score, "shadow": {"model_version": "v2", "probability": 0.9}})
    assert decided([beside], {}, cool_down_days=7) == decided([alone], {}, cool_down_days=7)


def test_two_users_or_two_moments_have_two_ids():
    assert len({alert_id("u1", 1), alert_id("u2", 1), alert_id("u1", 2), alert_id("u11", 1)}) == 4
