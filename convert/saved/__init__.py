"""From the bytes that somebody saved to a fitted estimator; nothing of theirs runs."""
