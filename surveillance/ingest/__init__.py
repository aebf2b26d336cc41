"""Cameras and files in, Frames out: sources, the thread that reads one, and the mailbox it fills."""
