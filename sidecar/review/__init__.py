"""Looks at a policy before it serves, with everything that the catalog knows beside it."""
