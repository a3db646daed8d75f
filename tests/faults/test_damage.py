"""A checkpoint with a file that is cut, emptied or gone is refused by the file's name; nothing is scored from it."""

import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from churn.errors import CheckpointDamaged
from churn_io.storage import Storage
from streaming.checkpoint import Checkpoint
from streaming.job import StopSignal, run
from tests.builders import listener

PLANNED = 'v1\n{"batchWatermarkMs": 0}\n{"events": {"0": 40}}'
COMMITTED = 'v1\n{"nextBatchWatermarkMs": 0}'
FILES = {"metadata": '{"id": "x"}', "sources/0/0": '\0v1\n{"events": {"0": 0}}'}


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of three batches, the last of them not committed; its small files only."""
    batches = {f"offsets/{number}": PLANNED for number in range(3)} | {"commits/0": COMMITTED, "commits/1": COMMITTED}
    for name, text in (FILES | batches).items():
        file = tmp_path / "query" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    found = Checkpoint(Storage(None), str(tmp_path))
    found.require_whole()
    return found


def cut(file):
    """Lose the second half."""
    file.write_text(file.read_text()[: len(file.read_text()) // 2])


def emptied(file):
    """Lose all but the name."""
    file.write_text("")


def gone(file):
    """Lose the file."""
    file.unlink()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("metadata", cut),
        ("metadata", gone),
        ("offsets/1", gone),
        ("offsets/2", cut),
        ("offsets/2", emptied),
        ("commits/1", cut),
        ("commits/1", emptied),
        ("commits/1", gone),
    ],
)
def test_a_small_file_that_is_damaged_is_named(checkpoint, tmp_path, name, damage):
    damage(tmp_path / "query" / name)
    with pytest.raises(CheckpointDamaged, match=rf"query/{name}: cut or missing; name a new --checkpoint"):
        checkpoint.require_whole()


def test_a_batch_that_was_committed_and_never_planned_is_damage(checkpoint, tmp_path):
    (tmp_path / "query" / "commits" / "2").write_text(COMMITTED)
    gone(tmp_path / "query" / "offsets" / "2")
    with pytest.raises(CheckpointDamaged, match="query/offsets/2"):
        checkpoint.require_whole()


def test_a_card_that_is_cut_is_named(spark, checkpoint, tmp_path):
    (tmp_path / "checkpoint.json").write_text('{"state_version": ')
    with pytest.raises(CheckpointDamaged, match=r"checkpoint.json: not JSON .*--checkpoint"):
        checkpoint.require("events", "id", "2")


@pytest.mark.parametrize(("available_now", "name"), [(True, "1.zip"), (False, "1.changelog")], ids=["drain", "live"])
def test_a_state_that_is_damaged_is_named_and_nothing_is_scored_from_it(spark, job, send, read, available_now, name):
    send(listener("calm", range(20, 30)))
    stop = StopSignal()
    run(spark, replace(job, available_now=available_now), stop, lambda _batch_id, _accounts: stop.event.set())
    scored = read(job.topics.scores)
    assert scored
    send(listener("calm", range(30, 35)))
    with restored(Path(job.checkpoint)):
        for newest in Path(job.checkpoint).glob(f"query/state/0/*/{name}"):
            cut_bytes(newest)
        with pytest.raises(CheckpointDamaged, match=rf"query/state/0/\d/{re.escape(name)}: .*--checkpoint"):
            run(spark, job)
    assert read(job.topics.scores) == scored
    assert run(spark, job).read == 15


def cut_bytes(file):
    """Lose the second half of a file that is no text."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@contextmanager
def restored(folder):
    """The folder is as before after the block."""
    kept = folder.with_name(f"{folder.name}-kept")
    shutil.copytree(folder, kept)
    yield
    shutil.rmtree(folder)
    kept.rename(folder)


def test_a_partition_that_is_new_before_the_first_batch_is_read_from_its_beginning(checkpoint, tmp_path):
    (tmp_path / "query" / "offsets" / "0").write_text(PLANNED.replace('{"0": 40}', '{"0": 40, "1": 7}'))
    assert checkpoint.plan(0).start == {"events": {"0": 0, "1": 0}}
