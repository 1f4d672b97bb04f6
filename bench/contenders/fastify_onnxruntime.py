"""Node.js: Fastify on onnxruntime's binding for it; the program is the .js beside."""

label = "Fastify + onnxruntime-node"
requirements = ("fastify@5.12.8", "onnxruntime-node@1.30.0")
command = ("node", "{bin}/fastify_onnxruntime.js", "{port}")
