"""The figures that the project claims, each measured by a part with `rows(run)` and shown by its `table(rows)`."""
