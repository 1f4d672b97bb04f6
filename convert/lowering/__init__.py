"""How each part of a fitted pipeline is said in ONNX.

`pipeline` lowers the whole: `transformers` what comes before the estimator, `estimators`
the estimator. Both look up in `registry` which function adds the nodes of a class; those
functions take the graph, the fitted object, and what it reads, in this order.
"""
