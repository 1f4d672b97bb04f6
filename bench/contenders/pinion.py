"""The server of this repository."""

label = "Pinion"
requirements = ("--no-deps", "--require-hashes", "-r", "requirements-inference.txt")
command = ("{bin}/python", "-m", "server", "{model}", "--port", "{port}")
