"""The demo: its figures from a hand-made run, the whole of it small, and that nothing outlives it."""

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from churn.state import DAY_MS
from sandbox.demo import DemoFailed, Part, Plan, Run, started, watch_until
from sandbox.outcome import in_words, outcome

KEYS = {
    "events", "rejected", "without_user", "late", "scores", "alerts", "alerted_users", "alerted_who_cancelled",
    "base_rate", "median_lead_days", "seconds",
}  # fmt: skip


def alert(user, at_ms):
    """An alert of the demo's live weeks."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at_ms / 1000))
    return {"user_id": user, "as_of": stamp, "probability": 0.2, "reasons": []}


def test_the_outcome_counts_first_alerts_whose_horizon_has_passed(tmp_path):
    plan = Plan(tmp_path)
    now_ms = round(plan.now.timestamp() * 1000)
    cancels = {"1": now_ms + 5 * DAY_MS, "2": None, "3": now_ms + 20 * DAY_MS, "4": None}
    truth = [{"userId": user, "registration": 0, "cancel_ms": at_ms} for user, at_ms in cancels.items()]
    plan.truth.write_text("\n".join(json.dumps(user) for user in truth))
    accounts = {"read": 9, "rejected": 1, "without_user": 2, "late": 0, "scores": 5}
    moments = [("1", 1), ("1", 3), ("2", 1), ("3", 1), ("4", 25), ("2", -9)]
    run = Run(alerts=[alert(user, now_ms + day * DAY_MS) for user, day in moments], accounts=accounts)
    figures = outcome(plan, run)
    assert figures.keys() == KEYS
    assert (figures["alerts"], figures["alerted_users"], figures["alerted_who_cancelled"]) == (5, 3, 1)
    assert figures["median_lead_days"] == 4.0
    assert figures["base_rate"] == 0.25
    assert "of 3 users alerted, 1 cancelled within the horizon (33.3%), 4.0 days ahead (median)" in in_words(figures)


@pytest.fixture
def demo(broker, tmp_path):
    """A function that starts a small demo in a folder of its own. (`broker`: the jars are there.)"""
    started = []

    def start():
        command = [sys.executable, "-m", "sandbox", "demo", "--folder", str(tmp_path / "demo"), "--users", "300"]
        log = (tmp_path / "said").open("wb")
        started.append(subprocess.Popen(command, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.terminate()  # in order: killed, it would leave its broker behind
        process.wait(120)


def left_over(folder):
    """The processes that still name the folder."""
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [row for row in listed.splitlines() if str(folder) in row and not row.startswith("ps ")]


def test_the_demo_reports_what_happened_and_leaves_nothing_running(demo, tmp_path):
    process = demo()
    assert process.wait(1800) == 0, (tmp_path / "said").read_text()[-2000:]
    figures = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert figures.keys() == KEYS
    sent = [json.loads((tmp_path / "demo" / f"{name}.json").read_text())["sent"] for name in ("fill", "live")]
    assert figures["events"] == sum(sent)
    assert figures["scores"] > 0
    assert set(figures["seconds"]) == {"simulate", "broker", "train", "stream", "live"}
    assert left_over(tmp_path / "demo") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_what_it_started(demo, tmp_path, number):
    process = demo()
    deadline = time.monotonic() + 120
    while not (tmp_path / "demo" / "train.log").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None, (tmp_path / "said").read_text()[-2000:]
        time.sleep(0.2)
    assert left_over(tmp_path / "demo")
    process.send_signal(number)
    assert process.wait(120) == 130
    assert left_over(tmp_path / "demo") == []


def test_a_part_that_is_being_started_when_the_demo_is_interrupted_is_stopped_too(tmp_path, monkeypatch):
    parts = []

    def interrupted_start(_command, **how):
        parts.append(start([sys.executable, "-c", "import time; time.sleep(60)"], **how))
        signal.raise_signal(signal.SIGINT)  # the process is there, and nobody knows of it yet
        return parts[0]

    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", interrupted_start)
    with pytest.raises(KeyboardInterrupt), ExitStack() as stack:
        started(Plan(tmp_path), "train", [], stack)
    (part,) = parts
    is_stopped = part.poll() is not None
    part.kill()
    part.wait()
    assert is_stopped


def test_a_folder_that_is_no_demos_is_not_deleted(complaint, tmp_path):
    (tmp_path / "letters.txt").touch()
    assert "holds something else than a demo" in complaint("demo", "--folder", tmp_path)
    assert (tmp_path / "letters.txt").exists()


def test_a_part_that_fails_ends_the_demo(tmp_path):
    log = tmp_path / "live.log"
    log.write_text("no broker answers\n")
    failed = Part("live", subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"]), log)
    scoring = Part("score", subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]), log)
    try:
        with pytest.raises(DemoFailed, match="`live` ended with code 1: no broker answers"):
            watch_until(lambda: False, [failed, scoring], Run(), lambda _state: None)
    finally:
        scoring.process.kill()
        scoring.process.wait()
