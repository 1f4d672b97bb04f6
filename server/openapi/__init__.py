"""The interface described: `/openapi.json`, and `/docs` for people.

Both are made of one table of operations, of which each names requests that show it; what
the server answers to these stands in both.
"""
