"""The Open Inference Protocol V2 over REST, with its binary tensors.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""
