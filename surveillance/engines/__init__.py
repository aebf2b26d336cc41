"""What walks the spine: inline runs worker, recognizer and core in one process."""
