"""Builds the zip of the function: runtime, server, models, and nothing else.

The packages are those of requirements-inference.txt that a function needs, by their
hashes; the zip of the same files is the same, byte for byte.
"""

import argparse
import compileall
import py_compile
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.aws.errors import Refusal
from deploy.image.prune import KEPT_OF_ONNXRUNTIME, keep_only
from server.model import UnservableModel
from server.models import load_models

ROOT = Path(__file__).parents[3]
PACKAGES = ("msgspec", "onnxruntime")
PLATFORMS = {"x86_64": "manylinux_2_28_x86_64", "arm64": "manylinux_2_28_aarch64"}

EPOCH = (1980, 1, 1, 0, 0, 0)
EXAMPLE = """\
example:
  python -m deploy.aws.function.build models/student_performance.onnx
"""


def main(words: Sequence[str]) -> int:
    """Build as the command line says, and return the exit code."""
    options = _parser().parse_args(words)
    try:
        size_mb = build(options.models, options.output, options.architecture)
    except (Refusal, UnservableModel) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"refused: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    version = "{}.{}".format(*sys.version_info)
    print(f"wrote {options.output}: {size_mb:.1f} MB, for python{version}")
    return 0


def build(models: Sequence[Path], output: Path, architecture: str) -> float:
    """Write the zip, beside and then renamed, and return its size in MB.

    Raises
    ------
    Refusal
        If a model is not there, two have one file name, or the packages cannot be
        installed.
    UnservableModel
        If a model is not whole, or two have one name.
    """
    for model in models:
        if not model.is_file():
            raise Refusal(f"there is no model file {model}")
    names = [model.name for model in models]
    if twice := [name for name in names if names.count(name) > 1]:
        raise Refusal(f"two of the files are named {twice[0]}: rename one")
    for loaded in load_models(models):
        loaded.close()
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="function-") as name:
        folder = Path(name)
        _install(folder, architecture)
        _copy(folder, models)
        _compile(folder)
        unfinished = output.with_suffix(".unfinished")
        _zip(folder, unfinished)
    unfinished.replace(output)
    return output.stat().st_size / 1e6


def requirements() -> str:
    """Return the lines of requirements-inference.txt for the packages of a function."""
    text = (ROOT / "requirements-inference.txt").read_text("utf-8")
    pins = re.findall(r"^[a-z](?:.*\\\n)*.*", text, re.MULTILINE)
    chosen = [pin for pin in pins if pin.partition("==")[0] in PACKAGES]
    return "\n".join(chosen)


def _install(folder: Path, architecture: str) -> None:
    listed = folder / "requirements.txt"
    listed.write_text(requirements())
    done = subprocess.run(  # noqa: S603 - no part of it comes from outside
        [
            *(sys.executable, "-m", "pip", "install", "--quiet"),
            *("--disable-pip-version-check", "--no-compile", "--no-deps"),
            *("--require-hashes", "--only-binary=:all:", f"--target={folder}"),
            *("--implementation=cp", f"--platform={PLATFORMS[architecture]}"),
            *("--requirement", str(listed)),
        ],
        capture_output=True,
        text=True,
    )
    listed.unlink()
    if done.returncode:
        raise Refusal(f"pip: {done.stderr.strip().splitlines()[-1]}")
    keep_only(folder / "onnxruntime", KEPT_OF_ONNXRUNTIME)
    for unused in (*folder.glob("**/*.pyi"), folder / "bin"):
        shutil.rmtree(unused) if unused.is_dir() else unused.unlink(missing_ok=True)


def _copy(folder: Path, models: Sequence[Path]) -> None:
    shutil.copytree(
        ROOT / "server", folder / "server", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("deploy/__init__.py", "deploy/aws/__init__.py", *_program()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "models").mkdir()
    for model in models:
        shutil.copyfile(model, folder / "models" / model.name)


def _program() -> list[str]:
    names = ("__init__", "events", "function", "handler")
    return [f"deploy/aws/function/{name}.py" for name in names]


def _compile(folder: Path) -> None:
    """Write the byte-code, which Lambda's disk does not take, and never look again."""
    compileall.compile_dir(
        folder,
        quiet=1,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        stripdir=str(folder),
    )


def _zip(folder: Path, output: Path) -> None:
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, path.read_bytes())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.aws.function.build",
        description="Build the zip of a function of AWS Lambda, for this Python's version.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", nargs="+", type=Path, help="that it serves")
    parser.add_argument(
        "--output", type=Path, default=Path("build/function.zip"), help="(%(default)s)"
    )
    parser.add_argument(
        "--architecture", choices=PLATFORMS, default="x86_64", help="(%(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
