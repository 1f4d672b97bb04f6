"""onnxruntime's C library, by ctypes: nothing of the rest of the server."""
