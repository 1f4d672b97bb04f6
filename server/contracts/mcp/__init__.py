"""The Model Context Protocol: models as tools that an assistant calls."""
