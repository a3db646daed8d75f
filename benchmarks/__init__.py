"""The stream beside other engines: the same topic, the same minutes, the same sums."""
