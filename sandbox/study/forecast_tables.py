"""The forecast's rows put together: means over the seeds, between which ends they lie, and what a training cost."""

from statistics import mean

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from batch_training.learners import MAJORITY
from batch_training.report import short
from sandbox.study.run import ORACLE, Row

MEANS = ("base_rate", "average_precision", "roc_auc", "brier", "brier_of_base_rate", "ece", "lead_days")
NOTE = (
    "Forecast at the test snapshot: means over the seeds; in brackets the lowest and the highest, or of a single "
    "seed the 95% interval. Gain: AP over the base rate, as a share of the oracle's."
)
COSTS = ("rows", "train_seconds", "driver_mib", "heap_mib")


def means(rows: list[Row]) -> list[Row]:
    """Per size and learner: the means over the seeds, and the share of the oracle's gain over the base rate.

    "chosen" is the model that training would publish, whichever learner it is. `ends` are those of the seeds, or of
    the one seed's resampled users. A size at which every population is too small has no row.
    """
    found = []
    for users, of_size in by_size(rows).items():
        ceiling = gain([row for row in of_size if row["learner"] == ORACLE])
        named = {name: [row for row in of_size if row["learner"] == name] for name in names(of_size)}
        named["chosen"] = [row for row in of_size if row["chosen"]]
        for learner, these in named.items():
            average = {name: mean_of(these, name) for name in MEANS}
            spread = {"ends": {name: ends(these, name) for name in ("average_precision", "roc_auc")}}
            of_oracle = {"of_oracle": gain(these) / ceiling}
            found.append({"users": users, "learner": learner, "seeds": len(these), **average, **spread, **of_oracle})
    return found


def by_size(rows: list[Row]) -> dict[int, list[Row]]:
    """The rows of the populations that were large enough, by their users; sizes without any are left out."""
    return by_users([row for row in rows if "refused" not in row])


def by_users(rows: list[Row]) -> dict[int, list[Row]]:
    """The rows by their users, the fewest first."""
    sizes = sorted({row["users"] for row in rows})
    return {users: [row for row in rows if row["users"] == users] for users in sizes}


def names(rows: list[Row]) -> list[str]:
    """The learners, in the order of the rows."""
    return [name for name in dict.fromkeys(row["learner"] for row in rows) if name != MAJORITY]


def gain(rows: list[Row]) -> float:
    """The mean average precision over the base rate."""
    return float(mean(row["average_precision"] - row["base_rate"] for row in rows))


def mean_of(rows: list[Row], name: str) -> float | None:
    """The mean of the rows that have the figure; None when none has."""
    values = [row[name] for row in rows if row[name] is not None]
    return float(mean(values)) if values else None


def ends(rows: list[Row], name: str) -> list[float]:
    """The lowest and the highest of several seeds; of one, the ends of its 95% interval."""
    values = [row[name] for row in rows]
    return list(rows[0]["intervals"].get(name, values * 2)) if len(rows) == 1 else [min(values), max(values)]


def table(rows: list[Row]) -> Group:
    """What is forecast how well, what it costs, and which populations were too small."""
    refused = [
        f"{row['users']:,} users, seed {row['seed']}: too small. {row['refused']}" for row in rows if "refused" in row
    ]
    forecasts = (_forecast(users, of_size) for users, of_size in by_users(means(rows)).items())
    return Group(*forecasts, NOTE, _costs(rows), *refused)


def _forecast(users: int, means_of_size: list[Row]) -> Table:
    """The means of one size, the chosen models' last."""
    whole = means_of_size[-1]
    rate, brier = whole["base_rate"], whole["brier_of_base_rate"]
    title = f"{users:,} users, {whole['seeds']} seeds: base rate {rate:.3f}, whose Brier {brier:.4f}"
    shown = Table(title=title, box=SIMPLE_HEAD, collapse_padding=True)
    shown.add_column("learner", no_wrap=True)
    for heading in ("AP", "AUC", "Brier", "ECE", "lead d", "gain"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in means_of_size:
        lead = "–" if row["lead_days"] is None else f"{row['lead_days']:.1f}"
        shown.add_row(
            row["learner"], _with_ends(row, "average_precision"), _with_ends(row, "roc_auc"),
            short(row["brier"], ".4f"), short(row["ece"], ".4f"), lead, f"{row['of_oracle']:.0%}",
        )  # fmt: skip
    return shown


def _with_ends(row: Row, name: str) -> str:
    figure, low, high = (short(each, ".3f") for each in (row[name], *row["ends"][name]))
    return f"{figure} ({low} {high})"


def _costs(rows: list[Row]) -> Table:
    """Seconds and memory of a training, means over the seeds."""
    shown = Table(title="What a training took, means over the seeds", box=SIMPLE_HEAD)
    for heading in ("users", "seeds", "rows", "seconds", "driver MiB", "of them heap, at most"):
        shown.add_column(heading, justify="right")
    for users, of_size in by_size(rows).items():
        of_seed = [row for row in of_size if row["learner"] == ORACLE]  # each has a row, with the population's costs
        cells = (mean_of(of_seed, name) for name in COSTS)
        told = ("–" if cell is None else f"{cell:,.0f}" for cell in cells)
        shown.add_row(f"{users:,}", str(len(of_seed)), *told)
    return shown
