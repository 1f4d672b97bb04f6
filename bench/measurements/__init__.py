"""One module a measurement of the command line."""
