"""Node.js on onnxruntime's binding for it, without a framework; the program is the .js."""

label = "Node.js + onnxruntime-node"
requirements = ("onnxruntime-node@1.30.0",)
command = ("node", "{bin}/node_onnxruntime.js", "{event}")
