"""The comparison: nine regressors side by side, and one of them chosen by a rule."""
