"""Who asks at which door, with what, and what state the door is in."""
