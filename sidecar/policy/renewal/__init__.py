"""A newer policy while serving: where it comes from, what holds it back, and how it takes over."""
