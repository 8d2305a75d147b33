"""A node: what it hears, and recordings as its input."""
