"""Measures servers over HTTP; knows nothing of how they work inside."""
