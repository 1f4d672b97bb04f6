"""What was measured, as numbers, tables and pictures."""
