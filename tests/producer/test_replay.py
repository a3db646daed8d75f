import gzip
import json
import time

import pytest
from typer.testing import CliRunner

from churn.errors import InvalidLog
from producer.commands import app, epoch_ms
from producer.log_files import line, lines
from producer.pacing import Lateness, Pace
from producer.publisher import Nowhere
from producer.replay import Selection, replay, selected

START = 1538352000000
HOUR = 3_600_000


class FakeClock:
    """Time that passes only in sleep(), or by hand."""

    def __init__(self):
        self.now = 100.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class Recorder(Nowhere):
    """Keeps what it is sent, and when; each send takes `seconds`."""

    def __init__(self, clock, seconds=0.0):
        self.sent = []
        self._clock, self._seconds = clock, seconds

    def send(self, line, timestamp_ms):
        self.sent.append((line, timestamp_ms, self._clock.now))
        self._clock.now += self._seconds


def event(hour, user="7"):
    return json.dumps({"userId": user, "ts": START + hour * HOUR, "page": "Home"})


def written(path, *rows):
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def played(selection, pace=Pace(), send_seconds=0.0):  # noqa: B008  (frozen)
    clock = FakeClock()
    sink = Recorder(clock, send_seconds)
    report = replay(selected(selection), sink, pace, clock=clock, sleep=clock.sleep)
    return sink.sent, report


def hours(sent):
    return [(stamp - START) / HOUR for _, stamp, _ in sent]


def test_an_hour_of_events_takes_a_second_at_speed_3600(tmp_path):
    sent, _ = played(Selection(written(tmp_path / "log.json", event(0), event(1), event(3))), Pace(speed=3600))
    assert [at for _, _, at in sent] == pytest.approx([100, 101, 103])


def test_slow_sends_do_not_make_the_pace_drift(tmp_path):
    log = written(tmp_path / "log.json", *(event(hour) for hour in range(5)))
    sent, report = played(Selection(log), Pace(speed=3600), send_seconds=0.4)
    assert [at for _, _, at in sent] == pytest.approx([100, 101, 102, 103, 104])
    assert report.lateness_p99_ms == 0


def test_sends_slower_than_the_pace_show_as_lateness(tmp_path):
    log = written(tmp_path / "log.json", *(event(hour) for hour in range(3)))
    _, report = played(Selection(log), Pace(speed=3600), send_seconds=1.5)
    assert report.lateness_p50_ms == pytest.approx(500, rel=0.05)
    assert report.lateness_p99_ms == pytest.approx(1000, rel=0.05)


def test_a_rate_ignores_the_times_of_the_events(tmp_path):
    sent, _ = played(Selection(written(tmp_path / "log.json", event(0), event(9), event(5))), Pace(rate=4))
    assert [at for _, _, at in sent] == pytest.approx([100, 100.25, 100.5])


def test_an_unpaced_replay_never_sleeps(tmp_path):
    clock = FakeClock()
    log = written(tmp_path / "log.json", event(0), event(99))
    replay(selected(Selection(log)), Nowhere(), Pace(), clock=clock, sleep=clock.sleep)
    assert clock.slept == []


def test_lateness_is_known_to_5_percent_in_bounded_memory():
    lateness = Lateness()
    for ms in range(1, 10_001):
        lateness.add(ms)
    assert lateness.quantile_ms(0.5) == pytest.approx(5000, rel=0.05)
    assert lateness.quantile_ms(0.99) == pytest.approx(9900, rel=0.05)
    assert len(lateness.counts) < 350


def test_a_folder_is_read_in_the_order_of_names_plain_and_gzipped(tmp_path):
    written(tmp_path / "b.ndjson", event(2))
    written(tmp_path / "a.json", event(0), event(1))
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(event(3).encode() + b"\n"))
    written(tmp_path / "notes.txt", "not a log")
    found = [(each.source, each.number) for each in lines(tmp_path)]
    assert found == [("a.json", 1), ("a.json", 2), ("b.ndjson", 1), ("c.json.gz", 1)]


def test_bad_lines_go_on_untouched_with_their_numbers_and_the_last_good_time(tmp_path):
    log = written(tmp_path / "log.json", event(0), "{broken", "", "[1]", event(2), '{"userId": "7", "ts": "noon"}')
    sent, report = played(Selection(log))
    assert [(each.number, each.is_bad) for each, _, _ in sent] == [
        (1, False),
        (2, True),
        (4, True),
        (5, False),
        (6, True),
    ]
    assert hours(sent) == [0, 0, 0, 2, 2]
    assert sent[1][0].value == b"{broken"
    assert report.bad_lines == 3


@pytest.mark.parametrize(
    ("user", "key"), [("95", b"95"), (95, b"95"), ("", None), (None, None), (0, b"0"), ("ü", "ü".encode())]
)
def test_the_key_is_the_user_id_as_text(user, key):
    assert line(json.dumps({"userId": user, "ts": START}).encode(), "log", 1).user == key


def test_a_time_in_the_future_is_no_time_because_the_broker_would_refuse_the_batch_around_it(tmp_path):
    ahead = int(time.time() * 1000) + 2 * HOUR
    log = written(tmp_path / "log.json", event(0), json.dumps({"userId": "7", "ts": ahead}), event(1))
    sent, report = played(Selection(log), Pace(speed=3600))
    assert hours(sent) == [0, 0, 1]
    assert report.bad_lines == 1


def test_a_truncated_or_damaged_gzip_is_an_invalid_log(tmp_path):
    whole = gzip.compress("".join(event(hour) for hour in range(2000)).encode())
    damaged = whole[:40] + b"\xff" * 40 + whole[80:]
    for name, content in (("short.gz", whole[:-20]), ("damaged.gz", damaged)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidLog, match=name):
            list(lines(tmp_path / name))


def test_a_line_without_a_user_id_has_no_key():
    assert line(b'{"ts": 1538352000000}', "log", 1).user is None


def test_from_is_in_and_to_is_out(tmp_path):
    log = written(tmp_path / "log.json", *(event(hour) for hour in range(6)))
    sent, _ = played(Selection(log, from_ms=START + HOUR, to_ms=START + 4 * HOUR))
    assert hours(sent) == [1, 2, 3]


def test_a_limit_counts_lines_over_all_rounds(tmp_path):
    log = written(tmp_path / "log.json", event(0), event(1))
    assert len(played(Selection(log, limit=3, loops=5))[0]) == 3
    assert len(played(Selection(log, limit=0))[0]) == 0


def test_each_round_of_a_loop_is_later_inside_and_outside_the_value(tmp_path):
    log = written(tmp_path / "log.json", event(0), event(1))
    sent, _ = played(Selection(log, loops=3))
    stamps = [stamp - START for _, stamp, _ in sent]
    assert stamps == [0, HOUR, HOUR + 1000, 2 * HOUR + 1000, 2 * HOUR + 2000, 3 * HOUR + 2000]
    assert [json.loads(each.value)["ts"] for each, _, _ in sent] == [START + stamp for stamp in stamps]
    assert sent[0][0].value == event(0).encode()


def test_times_are_utc_unless_they_name_an_offset():
    assert epoch_ms("2018-10-01") == START
    assert epoch_ms("2018-10-01T02:00+02:00") == START


def test_an_interrupt_ends_the_sending_and_still_gives_a_report(tmp_path):
    log = written(tmp_path / "log.json", *(event(hour) for hour in range(5)))
    clock = FakeClock()

    def interrupted_sleep(seconds):
        clock.sleep(seconds)
        if clock.now > 102:
            raise KeyboardInterrupt

    report = replay(selected(Selection(log)), Nowhere(), Pace(speed=3600), clock=clock, sleep=interrupted_sleep)
    assert (report.sent, report.interrupted, report.is_complete) == (3, True, False)


def test_logs_that_cannot_be_replayed_say_so(tmp_path):
    empty = written(tmp_path / "empty.json")
    (tmp_path / "bad.json.gz").write_bytes(b"no gzip")
    (tmp_path / "folder").mkdir()
    for path in (empty, tmp_path / "bad.json.gz", tmp_path / "folder", tmp_path / "missing.json"):
        with pytest.raises(InvalidLog, match=path.name):
            list(lines(path))


def test_a_dry_run_needs_no_broker_and_reports(tmp_path):
    log = written(tmp_path / "log.json", event(0), "{broken")
    report = tmp_path / "reports" / "replay.json"
    flags = ["--dry-run", "--unpaced", "--bootstrap", "localhost:1", "--report", str(report)]
    done = CliRunner().invoke(app, ["replay", str(log), *flags])
    assert done.exit_code == 0, done.output
    found = json.loads(report.read_text())
    assert (found["sent"], found["acknowledged"], found["bad_lines"]) == (2, 0, 1)
    assert list(report.parent.iterdir()) == [report]


@pytest.mark.parametrize(
    "flags",
    [["--speed", "2", "--rate", "3"], ["--rate", "3", "--unpaced"], ["--from", "yesterday"], ["--loop", "0"]],
)
def test_flags_that_make_no_sense_are_usage_errors(tmp_path, flags):
    log = written(tmp_path / "log.json", event(0))
    assert CliRunner().invoke(app, ["replay", str(log), "--dry-run", *flags]).exit_code == 2


def test_the_time_it_takes_to_reach_the_first_line_is_no_lateness(tmp_path):
    log = written(tmp_path / "log.json", *(event(hour) for hour in range(4)))
    clock = FakeClock()
    sink = Recorder(clock)

    def slow():
        clock.now += 50  # as a long history does, that --from skips
        yield from selected(Selection(log))

    report = replay(slow(), sink, Pace(speed=3600), clock=clock, sleep=clock.sleep)
    assert [at for _, _, at in sink.sent] == pytest.approx([150, 151, 152, 153])
    assert report.lateness_p99_ms == 0


def test_a_time_far_ahead_of_both_neighbours_is_none(tmp_path):
    log = written(tmp_path / "log.json", event(0), event(24 * 400), event(1), event(24 * 30), event(24 * 60))
    sent, report = played(Selection(log), Pace(speed=3600))
    assert hours(sent) == [0, 0, 1, 24 * 30, 24 * 60]
    assert json.loads(sent[1][0].value)["ts"] == START + 24 * 400 * HOUR
    assert report.bad_lines == 1


def test_a_line_without_a_time_is_in_or_out_with_the_line_before_it(tmp_path):
    log = written(tmp_path / "log.json", "top", event(0), "a", event(1), "b", event(2), "c", event(3), "d")
    within = Selection(log, from_ms=START + HOUR, to_ms=START + 3 * HOUR)
    assert [each.number for each, _, _ in played(within)[0]] == [4, 5, 6, 7]
    assert [each.number for each, _, _ in played(Selection(log, to_ms=START + HOUR))[0]] == [1, 2, 3]


def test_a_loop_into_the_future_is_refused_and_what_was_sent_is_counted(tmp_path):
    recent = int(time.time() * 1000) - 2 * HOUR
    rows = [json.dumps({"userId": "7", "ts": recent + ms}) for ms in (0, 2 * HOUR)]
    sent, report = played(Selection(written(tmp_path / "log.json", *rows), loops=5))
    assert "round 2 would end in the future" in report.problem
    assert (len(sent), report.is_complete) == (2, False)
