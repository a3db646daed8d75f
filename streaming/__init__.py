"""topic -> scores -> alerts: source and sinks, the query, dead letters, sweep."""
