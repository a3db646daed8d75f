"""The classes of users, learnt without labels from the pages that they visit (churn/classes.py says what they are)."""

from dataclasses import dataclass, replace

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_training.evaluation import Floats
from churn.classes import SHARES, UserClasses
from churn.features import COUNTS
from churn.labels import LABEL
from churn.state import COUNTED_PAGES

CLASSES = 4  # with fewer the forecast is worse, with more no better (docs/decisions/0006)
MOST_USERS = 50_000  # more teach nothing new about some hundred numbers
STARTS = 6  # the likelihood has local maxima; the best of some random starts is one of the good ones
ROUNDS = 150
TELLING = 1.5  # a class is told by pages that it visits this many times as often as others do
NAMES_OF_PAGES = {"Roll Advert": "adverts", "NextSong": "songs"}


@dataclass(frozen=True)
class Counts:
    """The visits (users x pages) while the user did not pay, and while he did."""

    free: Floats
    paid: Floats


def learnt_classes(snapshot: DataFrame, seed: int) -> UserClasses:
    """The classes of one snapshot's users; their order is that of their size."""
    few = snapshot.orderBy(F.xxhash64("user_id")).limit(MOST_USERS)
    rows = np.array(few.select(*COUNTS).collect(), dtype=np.float64)
    both, paid = rows[:, : len(COUNTED_PAGES)], rows[:, len(COUNTED_PAGES) :]
    return fitted(Counts(both - paid, paid), np.random.default_rng(seed))


def fitted(counts: Counts, rng: np.random.Generator) -> UserClasses:
    """The likeliest mixture of several starts, by expectation maximisation (Dempster, Laird and Rubin, 1977)."""
    starts = [_climbed(counts, rng.dirichlet(np.full(CLASSES, 0.5), len(counts.free))) for _ in range(STARTS)]
    _, log_prior, log_free, log_paid = max(starts, key=lambda start: start[0])
    order = np.argsort(-log_prior)
    return UserClasses(
        pages=list(COUNTED_PAGES),
        log_prior=log_prior[order].tolist(),
        log_free=log_free[order].tolist(),
        log_paid=log_paid[order].tolist(),
    )


def _climbed(counts: Counts, shares: Floats) -> tuple[float, Floats, Floats, Floats]:
    """The log likelihood and the logs of prior, free and paid pages after ROUNDS of maximisation and expectation."""
    for _ in range(ROUNDS):
        log_prior = np.log(shares.mean(axis=0) + 1e-9)
        log_free, log_paid = (_log_pages(shares, visits) for visits in (counts.free, counts.paid))
        evidence = log_prior + counts.free @ log_free.T + counts.paid @ log_paid.T
        highest = evidence.max(axis=1, keepdims=True)
        total = highest + np.log(np.exp(evidence - highest).sum(axis=1, keepdims=True))
        shares = np.exp(evidence - total)
    return float(total.sum()), log_prior, log_free, log_paid


def _log_pages(shares: Floats, visits: Floats) -> Floats:
    """The log of each page's share of a class's visits; one visit more a page keeps it finite."""
    pages = shares.T @ visits + 1.0
    return np.asarray(np.log(pages / pages.sum(axis=1, keepdims=True)))


def described(classes: UserClasses, training: DataFrame) -> UserClasses:
    """With the share who cancel, from training snapshots with SHARES and labels; and with words for a reader."""
    sums = training.agg(
        F.array(*(F.sum(F.col(SHARES)[number]) for number in range(classes.size))).alias("users"),
        F.array(*(F.sum(F.col(SHARES)[number] * F.col(LABEL)) for number in range(classes.size))).alias("cancels"),
    ).first()
    rates = [cancels / max(users, 1e-9) for users, cancels in zip(sums["users"], sums["cancels"], strict=True)]
    return replace(classes, cancel_rates=rates, words=words(classes))


def words(classes: UserClasses) -> list[str]:
    """What sets each class apart: up to two pages that it visits most, compared with everybody."""
    prior = np.exp(classes.log_prior)
    pages = (np.exp(classes.log_free) + np.exp(classes.log_paid)) / 2
    times = pages / (prior @ pages)
    return [_in_words(classes.pages, of_class) for of_class in times]


def _in_words(pages: list[str], times: Floats) -> str:
    order = [number for number in np.argsort(-times)[:2] if times[number] >= TELLING]
    told = [f"{NAMES_OF_PAGES.get(pages[n], pages[n].lower())} {times[n]:.1f} times as often as others" for n in order]
    return " and ".join(told) or "pages much like everybody's"
