"""The official conformance suite of MCP, run against a reference server and through the sidecar."""
