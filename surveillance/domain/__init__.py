"""The nouns: values, geometry, ports and errors. Knows no stage, no framework and no pixels library."""
