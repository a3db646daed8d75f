"""The page beside a model: what it was trained on, how good it is, what it looks at, and how to make it again."""
