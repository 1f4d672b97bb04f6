"""The server's own wire protocol, `POST /predict` in JSON."""
