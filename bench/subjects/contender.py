"""Contenders: their three names, and an environment of its own for each."""

import ast
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.errors import Refusal
from bench.figures.rounds import show
from bench.subjects.machine import REPOSITORY

FOLDER = REPOSITORY / "bench" / "contenders"
FUNCTIONS = REPOSITORY / "bench" / "functions"
BUILD = REPOSITORY / "build" / "contest"
NAMES = ("label", "requirements", "command")


@dataclass(frozen=True)
class Contender:
    """What its file says; `bench.contenders` explains the names."""

    name: str
    label: str
    requirements: tuple[str, ...]
    command: tuple[str, ...]
    folder: Path = FOLDER

    @classmethod
    def read(cls, name: str, folder: Path = FOLDER) -> Self:
        """Read the literals of a file that only its own environment can import."""
        path = folder / f"{name}.py"
        literals = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in NAMES
        }
        return cls(name, **literals, folder=folder)

    @property
    def is_server(self) -> bool:
        return any("{port}" in part for part in self.command)

    @property
    def needs_pipeline(self) -> bool:
        return any(each.startswith("scikit-learn") for each in self.requirements)

    @property
    def script(self) -> Path:
        """Its program, if that is JavaScript."""
        return self.folder / f"{self.name}.js"

    @property
    def packages(self) -> Path:
        """The folder of what was installed."""
        if self.script.exists():
            return self._environment() / "node_modules"
        (found,) = (self._environment() / "lib").glob("python3.*/site-packages")
        return found

    def fill_command(self, model: Path, **values: int | Path) -> list[str]:
        values = {"port": 0, "second_port": 0, **values}
        return [
            part.format(bin=self._bin(), model=model, **values) for part in self.command
        ]

    def install(self) -> None:
        """Make the environment, unless it is there already.

        Raises
        ------
        Refusal
            If a command of the installation fails.
        """
        environment = self._environment()
        stamp = environment / "installed"
        if stamp.exists():
            return
        show(f"installing {self.name} into {environment}")
        shutil.rmtree(environment, ignore_errors=True)
        environment.mkdir(parents=True)
        for command in self._install_commands(environment):
            run = subprocess.run(  # noqa: S603
                command, cwd=REPOSITORY, capture_output=True, text=True, check=False
            )
            if run.returncode:
                raise Refusal(
                    f"{self.name} cannot be installed: `{' '.join(command)}` ended with "
                    f"{run.returncode}: {run.stderr.strip()[-500:]}"
                )
        stamp.touch()

    def _install_commands(self, environment: Path) -> list[list[str]]:
        if self.script.exists():
            # its install script would only fetch CUDA
            npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
            return [
                [*npm, f"--prefix={environment}", *self.requirements],
                ["cp", str(self.script), str(environment)],
            ]
        python = str(environment / "bin" / "python")
        return [
            [sys.executable, "-m", "venv", str(environment)],
            *(
                [[python, "-m", "pip", "install", "--quiet", *self.requirements]]
                if self.requirements
                else []
            ),
        ]

    def _environment(self) -> Path:
        parts = [*self.requirements]
        if self.script.exists():
            parts.append(self.script.read_text())
        for part in self.requirements:
            if part.endswith(".txt"):
                parts.append((REPOSITORY / part).read_text())
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
        return BUILD / "environments" / digest

    def _bin(self) -> Path:
        environment = self._environment()
        return environment if self.script.exists() else environment / "bin"


def read_contenders(names: Sequence[str], folder: Path = FOLDER) -> list[Contender]:
    """Return the contenders of these names; of none: all.

    Raises
    ------
    Refusal
        If there is no contender of one of the names.
    """
    known = sorted(path.stem for path in folder.glob("[a-z]*.py"))
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise Refusal(
            f"there is no contender {', '.join(unknown)}; known are {', '.join(known)}"
        )
    return [Contender.read(name, folder) for name in names or known]
