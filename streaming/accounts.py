"""The books: every record read is in the state, a dead letter, without a user, or too late; and their sum is shown."""

from dataclasses import asdict, astuple, dataclass


@dataclass(frozen=True)
class Accounts:
    """Counts of records and of what was made of them; `read` must equal the sum of the next four."""

    read: int = 0
    state: int = 0
    rejected: int = 0
    without_user: int = 0
    late: int = 0
    scores: int = 0
    alerts: int = 0

    def __add__(self, other: "Accounts") -> "Accounts":
        return Accounts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def is_balanced(self) -> bool:
        """Whether nothing vanished."""
        return self.read == self.state + self.rejected + self.without_user + self.late

    def in_words(self) -> str:
        """One line: the sum, then what came out."""
        sign = "=" if self.is_balanced else "≠"
        return (
            f"read {self.read} {sign} state {self.state} + rejected {self.rejected} + "
            f"without user {self.without_user} + late {self.late} | scores {self.scores} | alerts {self.alerts}"
        )

    def as_dict(self) -> dict[str, int]:
        """The counts by name, for JSON."""
        return asdict(self)
