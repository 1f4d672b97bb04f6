"""The offline half: from a table or a fitted pipeline to one proven ONNX file."""
