"""How each transformer of scikit-learn is said in ONNX."""
