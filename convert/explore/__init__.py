"""The exploratory report: what a table says about one of its columns."""
