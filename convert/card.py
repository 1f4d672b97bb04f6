"""Writes the model card: Markdown for people, all of it from the signature."""

from convert.export import Export


def write_card(exported: Export) -> str:
    """Return the card of a model."""
    signature = exported.signature
    return f"# {signature.title}\n\n{signature.description}\n"
