"""A folder of labeled crops becomes a network, its figures, and a published card."""
