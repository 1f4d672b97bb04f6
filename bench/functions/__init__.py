"""One file a function of AWS Lambda: the same model behind other handlers.

Each file begins with the names of `bench.contenders`; ``{event}`` in its command is the
path of an event of a function URL. The program answers that event, writes the answer's
body as a line, and waits until its input ends, so that its memory can be read.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def answer_once(handler: Callable[[Any, Any], Any]) -> None:
    """Answer the event that the command line names."""
    event = json.loads(Path(sys.argv[1]).read_bytes())
    sys.stdout.write(handler(event, None)["body"] + "\n")
    sys.stdout.flush()
    sys.stdin.read()
