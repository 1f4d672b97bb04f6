"""Text."""
from typing import Any
def is_vectorizer(transformer: Any) -> bool:
    return False
def lower_text(step: Any, block: Any, graph: Any) -> Any:
    raise NotImplementedError
