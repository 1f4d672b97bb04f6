"""A model file's bytes: what they are, whether they are whole, and what they say."""
