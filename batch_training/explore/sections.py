"""What the page says of the log itself: its account, pages, levels, times, sessions, songs and gaps."""

from batch_training.explore import plots
from batch_training.explore.activity import Day
from batch_training.explore.job import Findings
from batch_training.explore.listening import (
    LENGTH_STEP_S,
    LONGEST_S,
    SESSION_MINUTES,
    SESSION_SONGS,
    Lengths,
    Sessions,
    Songs,
)
from batch_training.pages import Block, Section, Table, picture, shortened
from batch_training.report import iso, summary
from churn.state import DAY_MS

TEXT_SHOWN = 60  # characters of an artist or a title
LOG_RANGE = 100  # between the largest and the least count: a linear axis would hide the small ones


def account(found: Findings) -> Section:
    """Where the lines went, and the days that they cover."""
    counts = found.counts
    lines = [("events", counts.accepted), ("without a user", counts.without_user), *counts.rejected.items()]
    words = [
        f"{summary(counts)}.",
        "Rows without a user are visits before the login. A rejected row breaks a rule; the first that it breaks is "
        "named. All that follows is counted from the events.",
    ]
    if found.unknown_pages:
        names = ", ".join(f"{shortened(name, TEXT_SHOWN)} ({n:,})" for name, n in found.unknown_pages)
        words.append(f"Pages that are not known, the most frequent first: {names}.")
    rows = [(name, f"{n:,}", plots.percent(n / counts.read)) for name, n in lines]
    return Section(
        "Rows and days",
        (
            Block(tuple(words), table=Table(("lines", "number", "share"), rows)),
            Block(
                (
                    f"The log covers {iso(counts.first_ms)} to {iso(counts.last_ms)}. "
                    "The first and the last day may be partial.",
                ),
                "Fewer users a day towards the end may be nothing but the cancels: who has left cannot be active.",
                picture("timeline", "Events, users and cancels a day", lambda: plots.timeline(found.activity.days)),
            ),
        ),
    )


def pages(found: Findings) -> Section:
    """What users do."""
    total = found.counts.accepted
    rows = [
        (each.page, f"{each.rows:,}", plots.percent(each.rows / total), plots.percent(each.paid_rows / each.rows))
        for each in found.activity.pages
    ]
    counts = [(each.page, each.rows) for each in found.activity.pages]
    wide = counts[0][1] > LOG_RANGE * counts[-1][1]
    scale = " The axis is logarithmic: each step is ten times the one before." if wide else ""
    return Section(
        "Pages",
        (
            Block(
                (f"What users do, by how often.{scale}",),
                "Cancel comes seconds before Cancellation Confirmation. A feature that counts it, or that sums all "
                "pages, HTTP methods or statuses, has the answer in it.",
                picture("pages", "Rows by page", lambda: plots.bars(counts, "rows", wide)),
            ),
            Block(
                ("The same as numbers; the last column is the part of a page's rows that paying users make.",),
                table=Table(("page", "rows", "share of rows", "paid"), rows),
            ),
        ),
    )


def levels(found: Findings) -> Section:
    """Free and paid."""
    paid = sum(each.paid_rows for each in found.activity.pages)
    up, down = found.activity.rows("Submit Upgrade"), found.activity.rows("Submit Downgrade")
    words = (
        f"{plots.percent(paid / found.counts.accepted)} of the events are made at the paid level. "
        f"Upgrades submitted: {up:,}, downgrades: {down:,}.",
        "Where the upper line is that of the events, those who pay are more active a day than those who do not.",
    )
    trap = (
        "The level changes, even inside a session. “Ever paid” is known only at the end of the log, and the longer "
        "a user is watched, the likelier it is: use the level at the moment of the forecast."
    )
    drawn = picture("levels", "Paid share of events and users by day", lambda: plots.paid_share(found.activity.days))
    return Section("Levels", (Block(words, trap, drawn),))


def times(found: Findings) -> Section:
    """Hours and weekdays, as means over the days that the log has of each weekday."""
    averages = weekly_means(found.activity.week, found.activity.days)
    by_hour = [sum(day[hour] for day in averages) for hour in range(24)]
    words = (
        f"Most events come at {by_hour.index(max(by_hour))} h, fewest at {by_hour.index(min(by_hour))} h (UTC). "
        "All are means over the days of a weekday that the log covers.",
    )
    trap = (
        "The clock is UTC, the listeners are not: a quiet hour here may be night where they are. A span that is no "
        "whole number of weeks has one more of some weekdays: sums over it would differ where means do not."
    )
    drawn = picture("week", "Events by hour and weekday", lambda: plots.week(averages))
    return Section("Hours and weekdays", (Block(words, trap, drawn),))


def weekly_means(week: list[list[int]], days: list[Day]) -> list[list[float]]:
    """Rows by weekday and hour over the number of those weekdays in the log's span."""
    first, last = days[0].day_ms // DAY_MS, days[-1].day_ms // DAY_MS
    number = [sum((day + 3) % 7 == weekday for day in range(first, last + 1)) for weekday in range(7)]
    return [[rows / max(number[weekday], 1) for rows in week[weekday]] for weekday in range(7)]


def sessions(found: Sessions | None) -> Section:
    """How long and how many."""
    title = "Sessions"
    if found is None:
        return missing(title, "sessionId")
    words = (
        f"{found.number:,} sessions; the median lasts {found.median_minutes:,.0f} minutes and has "
        f"{found.median_songs:,.0f} songs, the longest lasts {found.longest_hours:,.1f} hours. A user has "
        f"{found.median_per_user:,.0f} (median), at most {found.most_per_user:,}.",
        "A session lasts from its first to its last event; the song that plays on at its end is not in it.",
    )
    trap = (
        f"A session is the pair of userId and sessionId: {found.shared_ids:,} of the {found.ids:,} session ids "
        "belong to more than one user. By sessionId alone strangers would share a session."
    )
    shown = (("sessions by minutes", SESSION_MINUTES, found.minutes), ("sessions by songs", SESSION_SONGS, found.songs))
    return Section(
        title, (Block(words, trap, picture("sessions", "Sessions by length", lambda: plots.histograms(shown))),)
    )


def songs(found: Songs | None, lengths: Lengths | None) -> Section:
    """What is played and how long it lasts."""
    return Section("Songs", (*favourites(found), length_block(lengths)))


def favourites(found: Songs | None) -> tuple[Block, ...]:
    """The most played artists and songs."""
    if found is None:
        return (missing_block("artist and song"),)
    words = (
        f"{found.plays:,} plays of {found.titles:,} songs by {found.artists:,} artists; "
        f"{plots.percent(found.played_once / found.titles)} of the songs are played once.",
    )
    trap = "Of many songs each says little: a feature for a song or an artist would learn single users by heart."
    artists = [(shortened(name, TEXT_SHOWN), f"{n:,}", plots.percent(n / found.plays)) for name, n in found.top_artists]
    titles = [
        (shortened(artist, TEXT_SHOWN), shortened(song, TEXT_SHOWN), f"{n:,}") for artist, song, n in found.top_titles
    ]
    return (
        Block(words, trap, table=Table(("artist", "plays", "share"), artists)),
        Block(("The most played songs.",), table=Table(("artist", "song", "plays"), titles, texts=2)),
    )


def length_block(found: Lengths | None) -> Block:
    """How long songs are."""
    if found is None:
        return missing_block("length")
    words = (
        f"A song played lasts {found.mean_s:,.0f} s on average (standard deviation {found.deviation_s:,.0f} s), median "
        f"{found.median_s:,.0f} s, at most {found.longest_s:,.0f} s. The last bar holds those "
        f"of {LONGEST_S} s and more.",
    )
    trap = "A song that is listed was begun, not heard to its end: the sum of lengths is no listening time."
    return Block(
        words, trap, picture("lengths", "Plays by length", lambda: plots.song_lengths(found.bins, LENGTH_STEP_S))
    )


def gaps(found: Findings) -> Section:
    """What is not there."""
    never = [each.field for each in found.absences if each.of_lines == 1]
    words = [
        "The part of lines in which a field is null, empty or absent: of all lines that are JSON, of users' events, "
        "and of their songs. Artist, song and length belong to songs only; names and places to users only.",
    ]
    if never:
        words.append(f"This log never has {', '.join(never)}; what needs them is left out above.")
    trap = (
        "A gap that has a reason is information, not noise. Filling in a mean length on pages that play nothing "
        "invents songs; dropping rows with a null drops all pages but the songs."
    )
    drawn = picture("gaps", "Null share by field", lambda: plots.absence(found.absences))
    return Section("What is missing", (Block(tuple(words), trap, drawn),))


def missing(title: str, field: str) -> Section:
    """A section that a log has no field for."""
    return Section(title, (missing_block(field),))


def missing_block(field: str) -> Block:
    """Says that the field is not there."""
    return Block((f"The log has no {field}: nothing to show.",))
