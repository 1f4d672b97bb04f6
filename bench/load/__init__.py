"""Requests, and the connections that carry them at a pace."""
