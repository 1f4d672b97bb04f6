"""The inference half: everything here runs without numpy and scikit-learn."""

__version__ = "0.1.0"
