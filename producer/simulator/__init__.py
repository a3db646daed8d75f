"""Sparkify logs of any size, by the rules of the public generator that made the real ones."""

from producer.simulator.log import Settings, Summary, simulated, write_log

__all__ = ["Settings", "Summary", "simulated", "write_log"]
