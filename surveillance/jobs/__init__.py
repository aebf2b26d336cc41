"""What core does by the clock: retention, health, arming. Each job has a name, an interval and a result in words."""
