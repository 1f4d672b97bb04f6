"""No server: what the runtime's Python binding costs alone."""

label = "import onnxruntime and a session, no server"
requirements = ("onnxruntime==1.31.1",)
command = (
    "{bin}/python",
    "-c",
    "import sys, onnxruntime; session = onnxruntime.InferenceSession(sys.argv[1]); "
    "print('ready', flush=True); sys.stdin.read()",
    "{model}",
)
