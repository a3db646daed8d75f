"""What came of the demo's alerts: who did cancel, how long after, and how many would have anyway."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from churn.state import DAY_MS
from sandbox.demo import Plan, Run
from streaming.reader import as_of_ms


@dataclass(frozen=True)
class Life:
    """A user's times (epoch ms): there from, gone at."""

    from_ms: int
    cancel_ms: int | None

    def is_alive(self, at_ms: int) -> bool:
        """Whether the user is there and has not cancelled."""
        return self.from_ms <= at_ms and (self.cancel_ms is None or self.cancel_ms > at_ms)

    def cancels_within(self, at_ms: int, horizon_ms: int) -> bool:
        """Whether the user cancels in (at, at + horizon]."""
        return self.cancel_ms is not None and at_ms < self.cancel_ms <= at_ms + horizon_ms


def lives(truth: Path) -> dict[str, Life]:
    """All simulated users who registered."""
    users = [json.loads(line) for line in truth.read_text().splitlines()]
    return {u["userId"]: Life(u["registration"], u["cancel_ms"]) for u in users if u["registration"] is not None}


def outcome(plan: Plan, run: Run) -> dict[str, Any]:
    """The demo's figures. Judged are the live weeks' first alerts of a user whose horizon ends within the log."""
    users = lives(plan.truth)
    horizon_ms = plan.horizon_days * DAY_MS
    now_ms = round(plan.now.timestamp() * 1000)
    end_ms = now_ms + plan.live_days * DAY_MS
    live = [(as_of_ms(alert), alert["user_id"]) for alert in run.alerts if as_of_ms(alert) >= now_ms]
    first: dict[str, int] = {}
    for at_ms, user in sorted(live):
        if at_ms + horizon_ms <= end_ms:
            first.setdefault(user, at_ms)
    hits = {user: at_ms for user, at_ms in first.items() if users[user].cancels_within(at_ms, horizon_ms)}
    leads = [((users[user].cancel_ms or 0) - at_ms) / DAY_MS for user, at_ms in hits.items()]
    return {
        "events": run.accounts["read"],
        **{name: run.accounts[name] for name in ("rejected", "without_user", "late", "scores")},
        "alerts": len(live),
        "alerted_users": len(first),
        "alerted_who_cancelled": len(hits),
        "base_rate": base_rate(users, sorted(first.values()), horizon_ms),
        "median_lead_days": round(median(leads), 2) if leads else None,
        "seconds": run.seconds,
    }


def base_rate(users: dict[str, Life], moments_ms: list[int], horizon_ms: int) -> float | None:
    """The share of the users alive who cancel within the horizon, mean over the moments; None without any."""
    rates = []
    for at_ms in moments_ms:
        alive = [life for life in users.values() if life.is_alive(at_ms)]
        rates.append(sum(life.cancels_within(at_ms, horizon_ms) for life in alive) / len(alive))
    return round(sum(rates) / len(rates), 4) if rates else None


def in_words(figures: dict[str, Any]) -> list[str]:
    """What happened, for a person."""
    alerted, cancelled = figures["alerted_users"], figures["alerted_who_cancelled"]
    share = f"{cancelled / alerted:.1%}" if alerted else "none"
    base = f"{figures['base_rate']:.1%}" if figures["base_rate"] is not None else "unknown"
    lead = f", {figures['median_lead_days']:.1f} days ahead (median)" if cancelled else ""
    return [
        f"{figures['events']} events in; {figures['scores']} scores; {figures['alerts']} alerts in the live weeks",
        f"rejected {figures['rejected']}, without a user {figures['without_user']}, too late {figures['late']}",
        f"of {alerted} users alerted, {cancelled} cancelled within the horizon ({share}){lead}",
        f"of all users {base} did: the alerts find them {lift(figures):.1f} times as often",
        "seconds: " + ", ".join(f"{name} {spent:.0f}" for name, spent in figures["seconds"].items()),
    ]


def lift(figures: dict[str, Any]) -> float:
    """How many times the base rate the alerted users cancel; 0 without alerts."""
    if not figures["alerted_users"] or not figures["base_rate"]:
        return 0.0
    return float(figures["alerted_who_cancelled"] / figures["alerted_users"] / figures["base_rate"])
