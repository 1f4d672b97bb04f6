"""Runs a small Python program behind the wall, which nothing but tests does."""

import sys
from pathlib import Path

from convert.wall.confinement import enter
from convert.wall.inside import say_defect


def main(words: list[str]) -> None:
    folder, seconds, memory_bytes, *readable, _, program = words
    sys.excepthook = say_defect
    walls = enter(Path(folder), int(seconds), int(memory_bytes), readable)
    exec(program, {"folder": folder, "walls": walls, "readable": readable})


if __name__ == "__main__":
    main(sys.argv[1:])
