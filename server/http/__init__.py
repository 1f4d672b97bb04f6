"""HTTP as it comes over a connection, whatever is asked in it."""
