"""The judge: rules written as text become verdicts with their reasons. Pure: no clock, no disk but `load_rules`."""
