"""Saves a fitted pipeline and loads it as the converter does: no attribute is a memory."""

import io
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
from sklearn.pipeline import Pipeline

from convert.saved.load import load_pipeline


def reload(pipeline: Any, folder: Path, pickler: ModuleType = joblib) -> Pipeline:
    """Return what the converter makes of the file."""
    file = io.BytesIO()
    pickler.dump(pipeline, file)
    path = folder / "pipeline.saved"
    path.write_bytes(file.getvalue())
    return load_pipeline(path)
