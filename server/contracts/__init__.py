"""The wire protocols: bytes to a batch, and a prediction to bytes."""
