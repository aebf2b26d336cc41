"""A video surveillance and access-control event system: cameras in, explained decisions out."""

__version__ = "0.1.0"
