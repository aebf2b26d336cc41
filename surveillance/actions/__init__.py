"""What follows from a decision on record: doors pulsed at most once, people told at least once."""
