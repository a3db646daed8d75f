"""Classes of users who spend their visits alike: which of them a user belongs to, told by the pages visited.

A mixture of multinomials, one for the time that a user pays and one for the time that he does not. What the classes
are is learnt without labels, in training (batch_training/classes.py), and travels on the model's card.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from churn.state import COUNTED_PAGES, n_of, n_paid_of

SHARES = "classes"  # the column: one probability a class


@dataclass(frozen=True)
class UserClasses:
    """K classes: the log of each one's share of the users, and of its pages' shares, free and paid (K x pages).

    For a reader, `cancel_rates` are the shares who cancel within the horizon, and `words` say what sets them apart.
    """

    pages: list[str]
    log_prior: list[float]
    log_free: list[list[float]]
    log_paid: list[list[float]]
    cancel_rates: list[float] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many classes."""
        return len(self.log_prior)


def classes_from(values: dict[str, Any]) -> UserClasses:
    """The classes on a card's JSON; raises TypeError or ValueError when they are not those of this code's pages."""
    found = UserClasses(**values)
    if found.pages != list(COUNTED_PAGES):
        raise ValueError(f"classes of the pages {found.pages}")
    of_size = (found.log_prior, found.log_free, found.log_paid, found.cancel_rates, found.words)
    of_pages = (*found.log_free, *found.log_paid)
    if any(len(each) != found.size for each in of_size) or any(len(each) != len(found.pages) for each in of_pages):
        raise ValueError(f"classes of {len(found.pages)} pages whose lists are not all of {found.size} classes")
    if not all(math.isfinite(number) for each in (found.log_prior, found.cancel_rates, *of_pages) for number in each):
        raise ValueError("classes with numbers that are not finite")
    return found


def shares(classes: UserClasses) -> Column:
    """The probabilities (array of K doubles) that a user with these counts of pages is of each class: Bayes' rule."""
    evidence = F.array(*(_evidence(classes, number) for number in range(classes.size)))
    relative = _bound(evidence, lambda logs: F.transform(logs, lambda log: F.exp(log - F.array_max(logs))))
    return _bound(relative, lambda weights: F.transform(weights, lambda weight: weight / _sum(weights)))


def _bound(value: Column, use: Callable[[Column], Column]) -> Column:
    """`use` of a value that is computed once: Spark would compute it anew wherever it stands inside a lambda."""
    return F.transform(F.array(value), use)[0]


def _sum(numbers: Column) -> Column:
    return F.aggregate(numbers, F.lit(0.0), lambda sum_, number: sum_ + number)


def _evidence(classes: UserClasses, number: int) -> Column:
    """The log of prior times likelihood."""
    evidence = F.lit(classes.log_prior[number])
    for page, free, paid in zip(classes.pages, classes.log_free[number], classes.log_paid[number], strict=True):
        n_paid = F.col(n_paid_of(page))
        evidence = evidence + (F.col(n_of(page)) - n_paid) * F.lit(free) + n_paid * F.lit(paid)
    return evidence
