"""file -> topic: the replay; and the simulator, which makes Sparkify logs of any size."""
