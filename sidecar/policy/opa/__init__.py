"""Rego in an OPA server: its client, the pause while it is down, and both engines together."""
