"""The books: every record read is in the state, a dead letter, without a user, too late, or a repeat; and their sum."""

from dataclasses import asdict, astuple, dataclass


@dataclass(frozen=True)
class Accounts:
    """Counts of records and of what was made of them; `read` must equal the sum of the next five.

    `duplicates` is None where nobody looks for them.
    """

    read: int = 0
    state: int = 0
    rejected: int = 0
    without_user: int = 0
    late: int = 0
    duplicates: int | None = None
    scores: int = 0
    alerts: int = 0

    def __add__(self, other: "Accounts") -> "Accounts":
        both = zip(astuple(self), astuple(other), strict=True)
        return Accounts(*(theirs if mine is None else mine + (theirs or 0) for mine, theirs in both))

    @property
    def is_balanced(self) -> bool:
        """Whether nothing vanished."""
        return self.read == self.state + self.rejected + self.without_user + self.late + (self.duplicates or 0)

    def in_words(self) -> str:
        """One line: the sum, then what came out."""
        sign = "=" if self.is_balanced else "≠"
        repeats = "" if self.duplicates is None else f" + duplicates {self.duplicates}"
        return (
            f"read {self.read} {sign} state {self.state} + rejected {self.rejected} + "
            f"without user {self.without_user} + late {self.late}{repeats} | "
            f"scores {self.scores} | alerts {self.alerts}"
        )

    def as_dict(self) -> dict[str, int]:
        """The counts by name, for JSON."""
        return {name: count for name, count in asdict(self).items() if count is not None}
