"""The zip of this repository, unpacked: python -m deploy.aws.function.build."""

label = "Pinion"
requirements = ()
command = (
    "{bin}/python",
    "-c",
    "import json, sys\n"
    "from deploy.aws.function.handler import answer\n"
    "print(answer(json.load(open(sys.argv[1])))['body'], flush=True)\n"
    "sys.stdin.read()",
    "{event}",
)
