"""Rows that come as a stream of lines, CSV or JSON, and are answered while they come."""
