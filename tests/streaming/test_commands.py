"""The commands of the stream: what they print, and that a bad set-up is one line that says what to do."""

import json
from dataclasses import replace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from churn_io.kafka import create_topics
from streaming.accounts import Accounts
from streaming.commands import Progress, app
from streaming.job import run
from streaming.models import InForce
from streaming.reader import as_table
from tests.builders import grumbler
from tests.streaming.conftest import CARD, publish_model, values
from tests.streaming.programs import score_words

NOWHERE = "127.0.0.1:1"


@pytest.mark.parametrize("command", ["score", "alerts"])
def test_no_broker(spark, complaint, command):
    said = complaint(command, "--bootstrap", NOWHERE)
    assert f"no Kafka broker answers at {NOWHERE}" in said
    assert "`sparkify kafka start`" in said


@pytest.mark.parametrize("command", ["score", "alerts"])
def test_no_topic(spark, broker, complaint, command):
    create_topics(broker)
    said = complaint(command, "--bootstrap", broker, "--topic", "nowhere")
    assert "topic nowhere is missing" in said
    assert "`sparkify kafka topics`" in said


def test_no_model(job, complaint, tmp_path):
    said = complaint(*score_words(job, models=tmp_path / "none"))
    assert f"no model at {tmp_path / 'none'}" in said
    assert "run `sparkify train LOGS --models" in said


def test_a_model_of_other_features(spark, job, classifier, complaint, tmp_path):
    publish_model(spark, str(tmp_path / "other"), classifier, replace(CARD, features=["shoe_size", *CARD.features[1:]]))
    said = complaint(*score_words(job, models=tmp_path / "other"))
    assert "shoe_size" in said
    assert "run `sparkify train`" in said


def test_a_checkpoint_of_another_state(job, complaint, tmp_path):
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "checkpoint.json").write_text(json.dumps({"state_version": "0"}))
    said = complaint(*score_words(job))
    assert "made with state_version=0" in said
    assert "name a new --checkpoint" in said
    assert "first with --state-only" in said


def test_the_alerts_are_shown_once_a_line_each_or_as_json(spark, job, send, read):
    send(grumbler("angry", range(20, 40)))
    run(spark, job)
    records = values(read(job.topics.alerts))
    send([json.dumps(record).encode() for record in records], topic=job.topics.alerts)  # as a repeated batch would
    arguments = ["alerts", "--bootstrap", job.source.bootstrap, "--topic", job.topics.alerts]
    as_json = CliRunner().invoke(app, [*arguments, "--json"])
    assert [json.loads(line) for line in as_json.output.splitlines()] == records
    in_words = CliRunner().invoke(app, arguments).output.splitlines()
    assert [line[:28] for line in in_words] == [f"{record['as_of'][:16]}  user angry" for record in records]


def test_the_books_are_kept_in_a_folder_that_is_made_for_them(tmp_path):
    report = tmp_path / "new" / "score.json"
    progress = Progress(report)
    progress(0, Accounts(read=3, state=3))
    progress(1, Accounts(read=2, rejected=2))
    assert json.loads(report.read_text())["read"] == 5
    assert list(report.parent.iterdir()) == [report]


def test_a_model_that_cannot_score_is_in_each_line_and_in_the_books_while_it_is_pointed_to(tmp_path, capsys):
    report = tmp_path / "score.json"
    progress = Progress(report)
    told = []
    for refused in ("", "models/v2/model.json: not JSON [b]", ""):
        progress.see_model(InForce("v1", refused))
        progress(0, Accounts(read=1, state=1))
        told.append((capsys.readouterr().out.strip(), json.loads(report.read_text())))
    (before, books_before), (while_there, books), (after, books_after) = told
    assert while_there.endswith(" | alerts 0 | model v1 scores on: models/v2/model.json: not JSON [b]")
    assert before.endswith(" | alerts 0")
    assert after.endswith(" | alerts 0")
    assert (books["model"], books["refused_model"]) == ("v1", "models/v2/model.json: not JSON [b]")
    assert books_before["refused_model"] == books_after["refused_model"] == ""


def test_an_id_that_looks_like_markup_is_shown_as_it_is():
    alert = {"as_of": "2018-11-09T00:00:00.000Z", "user_id": "a[/b]c", "probability": 0.2, "reasons": []}
    screen = Console(record=True, width=100)
    screen.print(as_table([alert]))
    shown = screen.export_text()
    assert "1 alerts" in shown
    assert "a[/b]c" in shown
