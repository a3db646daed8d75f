"""The features: what is read off a user's state as of a moment. One function each; its name is the column and the
first line of its docstring is what a reason says of it."""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from churn.events import SONG
from churn.free_days import holidays_between
from churn.metros import population
from churn.state import COUNTED_PAGES, DAY_MS, n_of, n_paid_of, snake

Feature = Callable[[Column], Column]  # as_of_ms -> value, never null, never negative

# A ratio per song starts from the population's and moves with the user's own songs (shrinkage, as the mean of a
# beta posterior): after PRIOR_SONGS songs both weigh the same. Shares are those of the public mini set.
PRIOR_SONGS = 50.0
# The same for active days, whose rate differs from user to user as a gamma of this shape: two in six days.
PRIOR_ACTIVE_DAYS, PRIOR_DAYS = 2.0, 6.0
AHEAD_DAYS = 10  # the usual horizon
SHARES_BY_TIME = {"night": 20.0, "weekend": 18.0, "holiday": 5.0}  # of 100 songs of a simulated log, by local time
PER_100_SONGS = {
    "Thumbs Up": 5.5, "Thumbs Down": 1.12, "Add to Playlist": 2.86, "Add Friend": 1.87, "Roll Advert": 1.72,
    "Home": 4.42, "Help": 0.64, "Downgrade": 0.90, "Settings": 0.66, "Upgrade": 0.22, "Logout": 1.41,
}  # fmt: skip


def _days(ms: Column) -> Column:
    return ms / F.lit(float(DAY_MS))


def _days_in_view(as_of_ms: Column) -> Column:
    """Days in which the user's events would have been seen; at least one, so that a rate stays finite."""
    since_ms = F.greatest("log_start_ms", F.least("registered_ms", "first_ms"))
    return F.greatest(_days(as_of_ms - since_ms), F.lit(1.0))


def _per_day(page: str, tau_days: int, as_of_ms: Column) -> Column:
    """Events a day, the latest weighing most: the decayed sum over the mass that the days in view can hold."""
    tau = F.lit(float(tau_days))
    now = F.col(f"s_{snake(page)}_{tau_days}d") * F.exp(-_days(as_of_ms - F.col("window_start_ms")) / tau)
    return now / (tau * (1.0 - F.exp(-_days_in_view(as_of_ms) / tau)))


def _per_100_songs(page: str) -> Column:
    return _shrunk(n_of(page), PER_100_SONGS[page])


def _shrunk(count: str, per_100_songs: float) -> Column:
    return (F.col(count) * 100.0 + per_100_songs * PRIOR_SONGS) / (F.col("n_song") + PRIOR_SONGS)


def days_silent(as_of_ms: Column) -> Column:
    """days since the last event"""
    return _days(as_of_ms - F.col("last_ms"))


def days_registered(as_of_ms: Column) -> Column:
    """days since registration"""
    return F.greatest(_days(as_of_ms - F.col("registered_ms")), F.lit(0.0))


def days_in_view(as_of_ms: Column) -> Column:
    """days since registration or the log's start, of the last 28 to 56"""
    return _days_in_view(as_of_ms)


def is_paid(_as_of_ms: Column) -> Column:
    """pays for the service (1) or not (0)"""
    return (F.col("level_code") % 2).cast("double")


def active_days_per_week(as_of_ms: Column) -> Column:
    """days with any event, a week"""
    return (F.bit_count("active_days") + PRIOR_ACTIVE_DAYS) * 7.0 / (_days_in_view(as_of_ms) + PRIOR_DAYS)


def songs(_as_of_ms: Column) -> Column:
    """songs in the last 28 to 56 days"""
    return F.col("n_song").cast("double")


def songs_per_day_1d(as_of_ms: Column) -> Column:
    """songs a day, lately (1 day)"""
    return _per_day(SONG, 1, as_of_ms)


def songs_per_day_7d(as_of_ms: Column) -> Column:
    """songs a day, this week"""
    return _per_day(SONG, 7, as_of_ms)


def songs_per_day_28d(as_of_ms: Column) -> Column:
    """songs a day, this month"""
    return _per_day(SONG, 28, as_of_ms)


def thumbs_down_per_day_7d(as_of_ms: Column) -> Column:
    """thumbs down a day, this week"""
    return _per_day("Thumbs Down", 7, as_of_ms)


def thumbs_down_per_day_28d(as_of_ms: Column) -> Column:
    """thumbs down a day, this month"""
    return _per_day("Thumbs Down", 28, as_of_ms)


def adverts_per_day_7d(as_of_ms: Column) -> Column:
    """adverts a day, this week"""
    return _per_day("Roll Advert", 7, as_of_ms)


def adverts_per_day_28d(as_of_ms: Column) -> Column:
    """adverts a day, this month"""
    return _per_day("Roll Advert", 28, as_of_ms)


def thumbs_up_per_100_songs(_as_of_ms: Column) -> Column:
    """thumbs up per 100 songs"""
    return _per_100_songs("Thumbs Up")


def thumbs_down_per_100_songs(_as_of_ms: Column) -> Column:
    """thumbs down per 100 songs"""
    return _per_100_songs("Thumbs Down")


def playlist_adds_per_100_songs(_as_of_ms: Column) -> Column:
    """songs added to a playlist per 100 songs"""
    return _per_100_songs("Add to Playlist")


def friends_per_100_songs(_as_of_ms: Column) -> Column:
    """friends added per 100 songs"""
    return _per_100_songs("Add Friend")


def adverts_per_100_songs(_as_of_ms: Column) -> Column:
    """adverts per 100 songs"""
    return _per_100_songs("Roll Advert")


def home_visits_per_100_songs(_as_of_ms: Column) -> Column:
    """visits to the home page per 100 songs"""
    return _per_100_songs("Home")


def help_visits_per_100_songs(_as_of_ms: Column) -> Column:
    """visits to the help page per 100 songs"""
    return _per_100_songs("Help")


def downgrade_visits_per_100_songs(_as_of_ms: Column) -> Column:
    """visits to the downgrade page per 100 songs"""
    return _per_100_songs("Downgrade")


def settings_visits_per_100_songs(_as_of_ms: Column) -> Column:
    """visits to the settings per 100 songs"""
    return _per_100_songs("Settings")


def upgrade_visits_per_100_songs(_as_of_ms: Column) -> Column:
    """visits to the upgrade page per 100 songs"""
    return _per_100_songs("Upgrade")


def logouts_per_100_songs(_as_of_ms: Column) -> Column:
    """logouts per 100 songs"""
    return _per_100_songs("Logout")


def metro_population(_as_of_ms: Column) -> Column:
    """inhabitants of the user's metropolitan area"""
    return population(F.col("metro_code"))


def night_songs_per_100_songs(_as_of_ms: Column) -> Column:
    """songs between midnight and six, local time, per 100 songs"""
    return _shrunk("n_song_night", SHARES_BY_TIME["night"])


def weekend_songs_per_100_songs(_as_of_ms: Column) -> Column:
    """songs on Saturdays and Sundays, local time, per 100 songs"""
    return _shrunk("n_song_weekend", SHARES_BY_TIME["weekend"])


def holiday_songs_per_100_songs(_as_of_ms: Column) -> Column:
    """songs on US holidays, local time, per 100 songs"""
    return _shrunk("n_song_holiday", SHARES_BY_TIME["holiday"])


def holidays_ahead(as_of_ms: Column) -> Column:
    """US holidays in the next ten days"""
    today = F.floor(as_of_ms / F.lit(DAY_MS)).cast("int")
    return holidays_between(today, today + AHEAD_DAYS)


FEATURES: tuple[Feature, ...] = (
    days_silent,
    days_registered,
    days_in_view,
    is_paid,
    active_days_per_week,
    songs,
    songs_per_day_1d,
    songs_per_day_7d,
    songs_per_day_28d,
    thumbs_down_per_day_7d,
    thumbs_down_per_day_28d,
    adverts_per_day_7d,
    adverts_per_day_28d,
    thumbs_up_per_100_songs,
    thumbs_down_per_100_songs,
    playlist_adds_per_100_songs,
    friends_per_100_songs,
    adverts_per_100_songs,
    home_visits_per_100_songs,
    help_visits_per_100_songs,
    downgrade_visits_per_100_songs,
    settings_visits_per_100_songs,
    upgrade_visits_per_100_songs,
    logouts_per_100_songs,
    metro_population,
    night_songs_per_100_songs,
    weekend_songs_per_100_songs,
    holiday_songs_per_100_songs,
    holidays_ahead,
)

NAMES = tuple(feature.__name__ for feature in FEATURES)


def words(name: str) -> str:
    """What the feature called `name` means, as a reason says it."""
    docstring = FEATURES[NAMES.index(name)].__doc__ or name
    return docstring.splitlines()[0]


def feature_columns(as_of_ms: Column) -> list[Column]:
    """One double per feature, of a state as of that moment."""
    return [feature(as_of_ms).cast("double").alias(feature.__name__) for feature in FEATURES]


# what a class of users is told by (churn/classes.py): kept beside the features
COUNTS = tuple(name(page) for name in (n_of, n_paid_of) for page in COUNTED_PAGES)


def with_features(state: DataFrame) -> DataFrame:
    """State as of `as_of_ms` -> user_id, as_of_ms, last_ms, one double per feature, and COUNTS."""
    return state.select("user_id", "as_of_ms", "last_ms", *feature_columns(F.col("as_of_ms")), *COUNTS)
