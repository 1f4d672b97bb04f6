"""From a table to a fitted regressor with its scores, its interval and its card."""
