"""A policy-enforcing reverse proxy for the Model Context Protocol.

The words, the same in code, logs and docs: an *agent* is the AI agent that calls, a
*backend* is the MCP server behind us, an *endpoint* is one URL of ours, a *caller* is who was
verified at it. The road's verbs: admit, verify, parse, find, scan, decide, record, forward, redact.
"""

__version__ = "0.1.0"
