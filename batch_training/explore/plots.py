"""Counts -> figures, in the pages' style: pure functions."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from batch_training.explore.activity import Day
from batch_training.explore.before_cancel import BEFORE_DAYS, MEASURES, Comparison
from batch_training.explore.fields import Absence
from batch_training.explore.users import Churn, Group
from batch_training.pages import label, panels

STAY, CANCEL, NEUTRAL = "#3b82c4", "#d9662b", "#7b8794"  # legible on white and on black, and to the colour-blind
WIDTH = 8.4  # inches: the column beside the words
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
Z_95 = 1.96


def whole(value: float, _position: int | None) -> str:
    """A tick like 12,000."""
    return f"{value:,.0f}"


def thousands(axes: Axes, axis: str = "y") -> None:
    """Ticks like 12,000, few of them, whole."""
    chosen = axes.yaxis if axis == "y" else axes.xaxis
    chosen.set_major_locator(MaxNLocator(nbins=4, integer=True))
    chosen.set_major_formatter(FuncFormatter(whole))


def timeline(days: list[Day]) -> Figure:
    """Events, users and cancels, day by day."""
    figure, axes = panels(3, 1, WIDTH, 5.2)
    when = np.array([day.day_ms for day in days], dtype="datetime64[ms]")
    series = {
        "events a day": [day.rows for day in days],
        "active users a day": [day.users for day in days],
        "cancels a day": [day.cancels for day in days],
    }
    for panel, (title, values), colour in zip(axes, series.items(), (NEUTRAL, STAY, CANCEL), strict=True):
        panel.bar(when, values, width=0.85, color=colour)
        panel.set_title(title)
        thousands(panel)
        dates(panel)
    for panel in axes[:-1]:
        panel.tick_params(labelbottom=False)
        panel.xaxis.get_offset_text().set_visible(False)
    return figure


def as_shapes(scale: Colorbar) -> None:
    """Draw a colour scale as shapes, not as the picture that it is by default."""
    if scale.solids is not None:
        scale.solids.set(rasterized=False, edgecolor="face")


def dates(panel: Axes) -> None:
    """Ticks at days or months, no more than fit."""
    locator = AutoDateLocator(maxticks=10)
    panel.xaxis.set_major_locator(locator)
    panel.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def bars(counts: Sequence[tuple[str, float]], axis: str, logarithmic: bool = False) -> Figure:
    """A horizontal bar a name, the first on top, its number beside it."""
    figure, (panel,) = panels(1, 1, WIDTH, 0.6 + 0.24 * len(counts))
    names, values = [label(name) for name, _ in counts], [value for _, value in counts]
    drawn = panel.barh(range(len(names)), values, color=STAY, height=0.7)
    panel.bar_label(drawn, [f"{value:,.0f}" for value in values], padding=3, fontsize=8)
    panel.set_yticks(range(len(names)), names)
    panel.invert_yaxis()
    panel.set_xlabel(axis)
    panel.margins(x=0.12, y=0.01)
    if logarithmic:
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(FuncFormatter(whole))
    else:
        thousands(panel, "x")
    return figure


def paid_share(days: list[Day]) -> Figure:
    """The share of events and of active users that is paid, day by day."""
    figure, (panel,) = panels(1, 1, WIDTH, 2.4)
    when = np.array([day.day_ms for day in days], dtype="datetime64[ms]")
    panel.plot(when, [day.paid_rows / day.rows for day in days], color=CANCEL, label="of the events")
    panel.plot(when, [day.paid_users / day.users for day in days], color=STAY, label="of the active users")
    panel.set_ylim(0, 1)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    dates(panel)
    panel.set_title("paid share")
    panel.legend(ncols=2, loc="best")
    return figure


def week(averages: list[list[float]]) -> Figure:
    """Mean events an hour: by hour, by weekday, and by both."""
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(24, 10), height_ratios=(1, 1.15))
    by_hour, by_day = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    values = np.array(averages)
    by_hour.bar(range(24), values.mean(axis=0), color=STAY)
    by_hour.set(title="events an hour, by hour of the day (UTC)", xticks=range(0, 24, 3))
    by_day.bar(range(7), values.sum(axis=1), color=STAY)
    by_day.set(title="events a day, by weekday", xticks=range(7), xticklabels=WEEKDAYS)
    thousands(by_hour)
    thousands(by_day)
    both = figure.add_subplot(grid[1, :])
    mesh = both.pcolormesh(values, cmap="viridis")
    both.set(title="events an hour", xticks=np.arange(0, 24, 3) + 0.5, xticklabels=range(0, 24, 3), xlabel="hour (UTC)")
    both.set_yticks(np.arange(7) + 0.5, WEEKDAYS)
    both.invert_yaxis()
    as_shapes(figure.colorbar(mesh, ax=both, pad=0.01))
    return figure


def edge_names(edges: Sequence[float]) -> list[str]:
    """The names of the bins that `edges` cut."""
    middle = [f"{low:g}–{high:g}" for low, high in pairwise(edges)]
    return [f"<{edges[0]:g}", *middle, f"≥{edges[-1]:g}"]


def histograms(shown: Sequence[tuple[str, Sequence[float], Sequence[int]]]) -> Figure:
    """Side by side: a title, the bins' edges, and how many fall below, between and above them."""
    figure, axes = panels(1, len(shown), WIDTH, 2.6)
    for panel, (title, edges, counts) in zip(axes, shown, strict=True):
        panel.bar(range(len(counts)), counts, color=STAY, width=0.9)
        panel.set_xticks(range(len(counts)), edge_names(edges), rotation=45, ha="right")
        panel.set_title(title)
        thousands(panel)
    return figure


def song_lengths(bins: list[tuple[int, int]], step_s: int) -> Figure:
    """Plays by the song's length."""
    figure, (panel,) = panels(1, 1, WIDTH, 2.4)
    panel.bar([start for start, _ in bins], [plays for _, plays in bins], width=step_s * 0.92, align="edge", color=STAY)
    panel.set(title="plays by length of the song", xlabel="seconds")
    thousands(panel)
    return figure


def shares(kinds: dict[str, list[Group]], overall: float, columns: int = 2) -> Figure:
    """A panel a kind, a point a group: the share that cancels and its 95 % interval; the line is everybody's."""
    rows = -(-len(kinds) // columns)
    tallest = max(len(groups) for groups in kinds.values())
    figure, axes = panels(rows, columns, WIDTH, rows * (0.75 + 0.22 * tallest))
    for panel, (kind, groups) in zip(axes, kinds.items(), strict=False):
        for position, each in enumerate(groups):
            panel.plot(each.interval, (position, position), color=CANCEL, linewidth=2, alpha=0.45)
            panel.plot(each.share, position, "o", color=CANCEL, markersize=4.5)
        panel.axvline(overall, color=NEUTRAL, linewidth=1, linestyle="--")
        panel.set_yticks(range(len(groups)), [f"{label(each.value)} ({each.users:,})" for each in groups])
        panel.set_ylim(len(groups) - 0.5, -0.5)
        panel.set_xlim(left=0)
        panel.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panel.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        panel.set_title(kind)
        panel.grid(axis="x")
    for unused in axes[len(kinds) :]:
        unused.remove()
    return figure


def leak(churn: Churn, event_edges: Sequence[float], day_edges: Sequence[float]) -> Figure:
    """What the whole log holds of those who stay and of those who cancel."""
    figure, axes = panels(1, 2, WIDTH, 2.9)
    shown = (
        ("events in the whole log", event_edges, churn.stay.events, churn.cancel.events),
        ("days from first to last event", day_edges, churn.stay.days, churn.cancel.days),
    )
    for panel, (title, edges, stay, cancel) in zip(axes, shown, strict=True):
        for shift, counts, colour, name in ((-0.2, stay, STAY, "stay"), (0.2, cancel, CANCEL, "cancel")):
            parts = np.array(counts) / max(sum(counts), 1)
            panel.bar(np.arange(len(counts)) + shift, parts, width=0.4, color=colour, label=name)
        panel.set_xticks(range(len(stay)), edge_names(edges), rotation=45, ha="right")
        panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panel.set_title(title)
    axes[0].legend()
    return figure


def before_cancel(found: Comparison) -> Figure:
    """Each measure over the two weeks before; the band is the 95 % interval of the mean of those who cancel."""
    figure, axes = panels(3, 2, WIDTH, 6.4)
    days = np.arange(-BEFORE_DAYS, 0)
    for panel, (name, words) in zip(axes, MEASURES.items(), strict=True):
        leave, others = found.before_cancel[name], found.comparable[name]
        mean, error = np.array(leave.mean), Z_95 * np.array(leave.error)
        panel.fill_between(days, np.maximum(mean - error, 0), mean + error, color=CANCEL, alpha=0.18, linewidth=0)
        panel.plot(days, mean, color=CANCEL, label="cancel on day 0")
        panel.plot(days, others.mean, color=STAY, label="active on day 0, stay")
        panel.set_ylim(bottom=0)
        panel.set_title(words)
        panel.set_xticks([-14, -10, -7, -4, -1])
    axes[0].legend(loc="lower left")
    for panel in axes[-2:]:
        panel.set_xlabel("days before")
    return figure


def absence(found: list[Absence]) -> Figure:
    """A field a row: how much of it is not there, in three kinds of lines."""
    figure, (panel,) = panels(1, 1, WIDTH, 0.7 + 0.23 * len(found))
    values = np.array([(each.of_lines, each.of_events, each.of_songs) for each in found])
    panel.pcolormesh(values, cmap="Oranges", vmin=0, vmax=1.6, edgecolors="white", linewidth=1)
    for row, column in np.ndindex(*values.shape):
        panel.text(
            column + 0.5, row + 0.5, percent(float(values[row, column])), ha="center", va="center", color="#111111"
        )
    panel.set_xticks((0.5, 1.5, 2.5), ("all JSON lines", "events of users", "their NextSong"))
    panel.set_yticks(np.arange(len(found)) + 0.5, [each.field for each in found])
    panel.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    panel.spines[:].set_visible(False)
    panel.invert_yaxis()
    return figure


def percent(share: float) -> str:
    """A share in percent; nothing and a little are told apart."""
    return "0" if share == 0 else "<0.1%" if share < 0.001 else f"{share:.1%}"
