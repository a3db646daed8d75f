"""What the three programs agree on: events, state, features, labels, model, alert policy. No I/O, no session."""
