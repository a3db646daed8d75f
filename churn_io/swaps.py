"""The history of a registry's pointer: a line a swap, from which a rollback knows where to go back to."""

from dataclasses import dataclass

ROLLBACK = "rollback"
UNKNOWN = "-"  # the time of a swap that was made by other means than this code


@dataclass(frozen=True)
class Swap:
    """The pointer was set to `version` at a time (ISO 8601); `why` is ROLLBACK, or empty for a step forward."""

    version: str
    at: str
    why: str = ""


def swaps_from(text: str) -> list[Swap]:
    """The swaps in a history's text, the oldest first."""
    rows = (line.split() for line in text.splitlines())
    return [Swap(*(*words, UNKNOWN)[:2], *words[2:3]) for words in rows if words]


def as_text(swaps: list[Swap]) -> str:
    """The text of a history: version, time, and the word rollback if it was one."""
    return "".join(f"{' '.join((swap.version, swap.at, swap.why)).rstrip()}\n" for swap in swaps)


def way_here(swaps: list[Swap]) -> list[str]:
    """The versions that led to the one in force, which is the last; those that were rolled back are left out."""
    way: list[str] = []
    for swap in swaps:
        if swap.why == ROLLBACK and swap.version in way:
            while way[-1] != swap.version:
                way.pop()
        elif way[-1:] != [swap.version]:
            way.append(swap.version)
    return way
