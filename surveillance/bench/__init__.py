"""What `surveillance bench` measures: ratios side by side, and what a running site costs over time."""
