"""The second program of this distribution: an MCP backend for Gladly, and a Gladly to try it on.

    client          REST calls to Gladly: Basic auth, no redirects, no retry; reads its errors
    rest            a catalog row and arguments -> one REST call, or a reason the agent can act on
    results         Gladly's answer -> an MCP tool result
    backend         an MCP server whose tools are the catalog's rows, and nothing else
    passthrough     the ASGI layer around it: the shared secret, and a 429 exactly as Gladly sent it
    serve           run either program
    simulator       Gladly's REST API in memory, faults and contradictions included

This package knows `sidecar.catalog`, `model` and `errors`, and nothing else of the sidecar: the two
programs meet only over HTTP. Needs the extra `[gladly]`.
"""
