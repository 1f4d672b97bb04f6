"""What a fitted pipeline is made of, reads and answers; nothing here knows ONNX."""
