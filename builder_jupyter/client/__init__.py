"""A program's door to the services: the same methods over HTTP and inside this process.

Transports are written once, async; `client.Client` is the one place where that becomes sync.
"""
