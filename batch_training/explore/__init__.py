"""A log's exploratory analysis: what Spark counts, what is drawn of it, and what is said."""
