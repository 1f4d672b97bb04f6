"""A process shut in, in which a saved file can do no harm."""
