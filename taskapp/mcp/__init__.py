"""The MCP server, ``flask mcp``: a few tools for agents, which call the REST API.

It is a process of its own, because the SDK is ASGI. Only ``cli`` is imported by the service; every other module needs
the packages of ``requirements-mcp.txt``.
"""
