"""The pointer's history, and where a rollback leads; no Spark for a registry on this machine."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from churn.errors import NoModel
from churn_io.registry import Registry
from churn_io.swaps import ROLLBACK, Swap, as_text, swaps_from, way_here
from tests.builders import card

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def no_session():
    """What a local registry never asks for."""
    raise AssertionError("Spark was started")


@pytest.fixture
def registry(tmp_path):
    """A registry with the versions a, b and c, none of them in force."""
    for version in "abc":
        (tmp_path / version).mkdir()
        (tmp_path / version / "model.json").write_text(json.dumps(card(version).as_dict()))
    return Registry(no_session, str(tmp_path))


def test_a_history_reads_as_it_was_written():
    swaps = [Swap("a", "2026-01-02T03:04:05Z"), Swap("b", "-"), Swap("a", "2026-01-02T03:04:06Z", ROLLBACK)]
    assert as_text(swaps) == "a 2026-01-02T03:04:05Z\nb -\na 2026-01-02T03:04:06Z rollback\n"
    assert swaps_from(as_text(swaps)) == swaps


def test_a_history_edited_by_hand_is_read_as_far_as_it_goes():
    assert swaps_from("a\n\n b  2026 rollback and more\n") == [Swap("a", "-"), Swap("b", "2026", ROLLBACK)]


@pytest.mark.parametrize(
    ("swaps", "way"),
    [
        ("", ""),
        ("a b c", "abc"),
        ("a b c b<", "ab"),
        ("a b c b< a<", "a"),
        ("a b c a", "abca"),  # a promoted again: the version before is c
        ("a b c a c<", "abc"),
        ("a b c b< c", "abc"),
        ("b<", "b"),
        ("a a b", "ab"),
    ],
)
def test_the_way_here_leaves_out_what_was_rolled_back(swaps, way):
    made = [Swap(each[0], "-", ROLLBACK if each.endswith("<") else "") for each in swaps.split()]
    assert way_here(made) == list(way)


def test_each_swap_is_a_line_with_its_time(registry, tmp_path):
    registry.point_to("a", NOW)
    registry.point_to("b", NOW + timedelta(hours=1))
    registry.point_to("b", NOW + timedelta(hours=2))
    assert registry.roll_back(NOW + timedelta(days=1)) == "a"
    assert (tmp_path / "history").read_text().splitlines() == [
        "a 2026-01-02T03:04:05Z",
        "b 2026-01-02T04:04:05Z",
        "a 2026-01-03T03:04:05Z rollback",
    ]


def test_rolling_back_twice_goes_back_by_two(registry):
    for version in "abc":
        registry.point_to(version, NOW)
    assert [registry.roll_back(NOW), registry.roll_back(NOW)] == ["b", "a"]
    assert registry.current_version() == "a"
    with pytest.raises(NoModel, match=r"history: no version was in force before a; "):
        registry.roll_back(NOW)


def test_a_pointer_that_was_set_by_other_means_counts_as_a_swap(registry, tmp_path):
    (tmp_path / "current").write_text("a\n")
    registry.point_to("b", NOW)
    assert (tmp_path / "history").read_text() == "a -\nb 2026-01-02T03:04:05Z\n"
    assert registry.roll_back(NOW) == "a"


def test_without_any_swap_there_is_nothing_to_go_back_to(registry):
    with pytest.raises(NoModel, match="no version was in force at all"):
        registry.roll_back(NOW)


@pytest.mark.parametrize("version", ["d", "", "current", "../abc", "./a"])
def test_the_pointer_moves_to_nothing_that_is_not_there(registry, version):
    registry.point_to("a", NOW)
    with pytest.raises(NoModel, match="sparkify models list"):
        registry.point_to(version, NOW)
    assert registry.current_version() == "a"


@pytest.mark.parametrize("version", ["d", "", "shadow", "../abc"])
def test_the_shadow_is_nothing_that_is_not_there(registry, version):
    registry.point_shadow_to("a")
    with pytest.raises(NoModel, match="sparkify models list"):
        registry.point_shadow_to(version)
    assert registry.shadow_version() == "a"


def test_a_rollback_to_the_shadow_takes_it_out_of_the_shadow(registry):
    for version in "ab":
        registry.point_to(version, NOW)
    registry.point_shadow_to("a")
    registry.roll_back(NOW)
    assert (registry.current_version(), registry.shadow_version()) == ("a", "")


def test_another_version_in_force_leaves_the_shadow(registry):
    registry.point_shadow_to("c")
    registry.point_to("b", NOW)
    assert registry.shadow_version() == "c"


def test_what_is_being_written_is_no_version(registry, tmp_path):
    (tmp_path / ".d.123").mkdir()
    registry.point_to("a", NOW)
    assert registry.versions() == ["a", "b", "c"]
