"""Where to look, what it is, and the same thing over time: pictures become tracks by way of a verified network."""
