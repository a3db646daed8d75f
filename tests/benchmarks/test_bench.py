"""The comparison of engines, run as its users run it, but for its length: same topic, same sums, ratios, a report."""

import json
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

from benchmarks.agreement import Disagreement, difference, require_agreement
from tests.streaming.conftest import classifier, models  # noqa: F401 a small model is as good here as a long trained one

PROJECT = Path(__file__).parents[2]
LIMIT_SECONDS = 900  # ends a hang; it takes two minutes, most of them an environment's


def bench(*words):
    """What `python -m benchmarks` with these words ends with, and says."""
    command = [sys.executable, "-m", "benchmarks", *map(str, words)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    return done.returncode, done.stdout + done.stderr


def test_a_short_comparison_agrees_and_reports_the_ratios(broker, models, tmp_path):  # noqa: F811 (`broker`: jars)
    folder = tmp_path / "bench"
    copytree(models, folder / "models")
    engines = ("product", "parse", "plain", "quix")
    chosen = [word for name in engines for word in ("--engine", name)]
    code, said = bench("--events", 20_000, "--users", 40, "--turns", 1, "--folder", folder, *chosen)
    assert code == 0, said[-2000:]
    report = json.loads((folder / "report.json").read_text())
    rates = {name: row["rate"] for name, row in report["engines"].items()}
    assert tuple(rates) == engines
    for name, key in (("parse", "ratio_to_parse"), ("plain", "ratio_to_plain_loop"), ("quix", "ratio_to_quix")):
        assert report[key] == pytest.approx(rates["product"] / rates[name])
        assert f"{report[key]:.2f}" in said
    assert "ratio_to_flink" not in report  # it did not run
    assert report["largest_difference"].keys() == {"plain", "quix"}
    assert max(report["largest_difference"].values()) < 1e-12


def test_an_engine_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    code, said = bench("--engine", "storm", "--folder", tmp_path)
    assert code == 2
    assert "no engine storm" in said
    assert "product" in said


OURS = {"u1|1000": {"user_id": "u1", "songs": 4.0, "dislikes": None}, "u2|2000": {"user_id": "u2", "songs": 0.5}}


def test_the_difference_is_the_largest_of_any_sum():
    theirs = {"u1|1000": {"songs": 4.0, "dislikes": 0, "score": 7}, "u2|2000": {"songs": 0.75}}
    assert difference("plain", OURS, theirs) == 0.25  # to one, for half a song is less
    theirs["u1|1000"]["songs"] = 6
    assert difference("plain", OURS, theirs) == 0.5


def test_windows_that_the_product_has_closed_are_no_difference_and_others_are():
    theirs = {key: {"songs": sums["songs"]} for key, sums in OURS.items()}
    assert difference("flink", OURS, {**theirs, "u1|500": {"songs": 9}}) == 0
    for wrong in ({**theirs, "u3|1500": {"songs": 1}}, {"u1|1000": theirs["u1|1000"]}):
        with pytest.raises(Disagreement, match="flink: 1 users and windows are in one result only, such as"):
            difference("flink", OURS, wrong)


def test_sums_that_differ_fail_the_comparison(capsys):
    with pytest.raises(Disagreement, match=r"differ by more than 1e-06 from the product's: \{'quix': 1e-05\}"):
        require_agreement({"plain": 4e-15, "quix": 1e-5})
    require_agreement({"plain": 4e-15})
    assert "the sums of plain are the product's to 4.0e-15" in capsys.readouterr().out
