"""Builds ONNX graphs, of parts that several converters need; knows no scikit-learn.

Every function takes the graph first. `arithmetic` is of tensors, `blocks` of columns and
matrices that remember which features move them.
"""
