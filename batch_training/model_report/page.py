"""Facts -> the page, from top to bottom."""

from batch_training.model_report import forecast_sections, model_sections
from batch_training.model_report.facts import Facts
from batch_training.pages import Page, render
from batch_training.report import iso
from batch_training.threshold import alerts_from


def html(facts: Facts) -> str:
    """The whole page as one text."""
    return render(page(facts))


def page(facts: Facts) -> Page:
    """The sections in the order in which they are read."""
    return Page(
        title=f"Model {facts.card.version}",
        origin=f"Trained from {facts.report.log}, tested as of {iso(facts.report.split.test_ms)[:10]}; times are UTC.",
        figures=key_figures(facts),
        sections=(
            forecast_sections.forecast(facts),
            forecast_sections.learners(facts),
            forecast_sections.ranking(facts),
            forecast_sections.probabilities(facts),
            forecast_sections.lead(facts),
            model_sections.threshold(facts),
            model_sections.importance(facts),
            model_sections.classes(facts),
            model_sections.verdict(facts),
            model_sections.repeat(facts),
        ),
    )


def key_figures(facts: Facts) -> tuple[tuple[str, str], ...]:
    """The figures that one wants first."""
    test = facts.test
    lead = test["lead_days"]
    return (
        ("learner", facts.report.chosen),
        ("avg. precision", f"{test['average_precision']:.3f}"),
        ("base rate", f"{test['base_rate']:.3f}"),
        ("ROC AUC", f"{test['roc_auc']:.3f}"),
        ("recall", f"{test['recall_at_budget']:.1%}"),
        ("lift", f"{test['lift_at_budget']:.2f}"),
        ("threshold", alerts_from(facts.card.threshold, ".3f")),
        ("lead, days", "–" if lead is None else f"{lead:.1f}"),
        ("in force", "yes" if facts.verdict.is_promoted else "no"),
    )
