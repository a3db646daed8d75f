"""A model's inputs by what they tell, and how some of them are left out of a model."""

from collections.abc import Collection
from dataclasses import replace

from churn.features import NAMES
from churn.model import ModelCard

CLASSES = "classes"  # all inputs of the classes of users
GROUPS: dict[str, tuple[str, ...]] = {
    "activity": ("days_silent", "active_days_per_week", "songs"),
    "tenure": ("days_registered", "days_in_view"),
    "level": ("is_paid",),
    "decayed rates": tuple(name for name in NAMES if "_per_day_" in name),
    "ratios": tuple(name for name in NAMES if name.endswith("_per_100_songs") and "_songs_" not in name),
    "calendar": ("weekend_songs_per_100_songs", "holiday_songs_per_100_songs", "holidays_ahead"),
    "metro": ("metro_population", "night_songs_per_100_songs"),
}

UNHELPFUL = ("calendar", "metro")  # they brought nothing (docs/decisions/0012)
# Inputs are a few dozen at most: less such a mean they are all the same number, and by such a deviation it is nothing.
# A wide deviation alone would keep their order, which is all that a tree needs.
FAR_MEAN, WIDE_DEVIATION = 1e18, 1e300


def without(card: ModelCard, groups: Collection[str]) -> ModelCard:
    """The card with the inputs of these groups at rest: the same for every user, in training and in scores."""
    names = {name for group in groups if group != CLASSES for name in GROUPS[group]}
    resting = [name in names for name in card.features]
    # a class's share, that times the level, that times the activity: the shares add up to 1, so the last two, added up,
    # would tell what is left out
    of_class = (CLASSES in groups, bool({CLASSES, "level"} & {*groups}), bool({CLASSES, "activity"} & {*groups}))
    resting += [rests for rests in of_class for _ in range(card.classes.size)]
    return replace(
        card,
        mean=[FAR_MEAN if rests else mean for mean, rests in zip(card.mean, resting, strict=True)],
        deviation=[WIDE_DEVIATION if rests else width for width, rests in zip(card.deviation, resting, strict=True)],
    )
