"""Findings -> the page, from top to bottom."""

from batch_training.explore import churn_sections, sections
from batch_training.explore.job import Findings
from batch_training.pages import Page, render
from batch_training.report import iso
from churn.state import DAY_MS


def html(found: Findings) -> str:
    """The whole page as one text."""
    return render(page(found))


def page(found: Findings) -> Page:
    """The sections in the order in which they are read."""
    return Page(
        title="What the log holds",
        origin=f"{found.log}: every line was read, nothing was sampled; times are UTC.",
        figures=key_figures(found),
        sections=(
            sections.account(found),
            sections.pages(found),
            sections.levels(found),
            sections.times(found),
            sections.sessions(found.sessions),
            sections.songs(found.songs, found.lengths),
            churn_sections.churn(found.churn),
            churn_sections.totals(found.churn),
            churn_sections.before(found),
            churn_sections.features(found.snapshot),
            churn_sections.together(found.snapshot),
            sections.gaps(found),
        ),
    )


def key_figures(found: Findings) -> tuple[tuple[str, str], ...]:
    """The figures that one wants first."""
    counts, everybody = found.counts, found.churn.everybody
    return (
        ("rows", f"{counts.read:,}"),
        ("events", f"{counts.accepted:,}"),
        ("bad rows", f"{sum(counts.rejected.values()):,}"),
        ("users", f"{everybody.users:,}"),
        ("users who cancel", f"{everybody.cancelled:,} ({everybody.share:.1%})"),
        ("days", f"{(counts.last_ms - counts.first_ms) / DAY_MS:.1f}"),
        ("from", iso(counts.first_ms)[:10]),
        ("to", iso(counts.last_ms)[:10]),
    )
