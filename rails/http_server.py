"""The HTTP server of a bank's process: the same as of others that we ask."""

from observability.http_server import HttpServer, http_server

__all__ = ["HttpServer", "http_server"]
