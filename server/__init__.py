"""The inference half: everything here runs without numpy and scikit-learn."""
