"""Runs docs/notebook.ipynb in a new kernel.

``python -m tests.notebook`` writes what that prints into the file.
"""

import json
import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.servers import ROOT

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
KERNEL = "pinion"
CELL_LIMIT_S = 300


def main() -> None:
    with TemporaryDirectory() as folder:
        cells = execute(Path(sys.executable), Path(folder), PYTHONPATH=str(ROOT)).cells
    written = json.loads(NOTEBOOK.read_text("utf-8"))
    for cell, executed in zip(written["cells"], cells, strict=True):
        if cell["cell_type"] == "code":
            cell["execution_count"] = executed["execution_count"]
            cell["outputs"] = [_as_lines(each) for each in executed["outputs"]]
    text = json.dumps(written, indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(f"{text}\n", "utf-8")


def execute(python: Path, folder: Path, **environment: str) -> "NotebookNode":
    """Run every cell with `python`, which has ipykernel, in `folder`.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell raises.
    """
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    _write_kernel(folder / KERNEL, python)
    specs = KernelSpecManager(kernel_dirs=[str(folder)])
    client = NotebookClient(
        nbformat.read(NOTEBOOK, as_version=4),  # type: ignore[no-untyped-call]
        km=AsyncKernelManager(kernel_name=KERNEL, kernel_spec_manager=specs),
        resources={"metadata": {"path": str(folder)}},
        timeout=CELL_LIMIT_S,
    )
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return client.execute(env=inherited | environment, cleanup_kc=True)


def _write_kernel(folder: Path, python: Path) -> None:
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    folder.mkdir()
    spec = {"argv": command, "display_name": KERNEL, "language": "python"}
    folder.joinpath("kernel.json").write_text(json.dumps(spec))


def printed(notebook: Any) -> list[str]:
    """Return what each cell of code shows, as text and as HTML.

    A kernel hands on what is printed in as many pieces as it likes.
    """
    return [
        "".join(map(_text, cell["outputs"]))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def _text(output: Any) -> str:
    shown = output.get("data") or {"text/plain": output["text"]}
    joined = "".join("".join(shown[kind]) for kind in sorted(shown))
    # the last digits of the golden rows depend on the processor, and so the file's size
    return re.sub(r"[\d,]+ bytes", "… bytes", joined)


def _as_lines(output: Any) -> Any:
    """Return an output as notebooks are written: text as a list of lines."""
    if "data" not in output:
        return {**output, "text": output["text"].splitlines(keepends=True)}
    data = {
        kind: text.splitlines(keepends=True) for kind, text in output["data"].items()
    }
    return {**output, "data": data}


if __name__ == "__main__":
    main()
