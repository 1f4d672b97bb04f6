"""What is counted while the server serves, and how it is told."""
