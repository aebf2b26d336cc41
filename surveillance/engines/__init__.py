"""What walks the spine: a site in one process, or in four kinds of them."""
