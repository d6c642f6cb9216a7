"""The notebook of the lecture runs from top to bottom, and stored is what it gives: a changed message would be seen."""

import re
from itertools import groupby
from pathlib import Path

import pytest

from tests.needs import needs

nbformat = needs("nbformat")
nbclient = needs("nbclient")
needs("ipykernel")

NOTEBOOK = Path(__file__).parents[2] / "demos" / "guide" / "lecture.ipynb"
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]\d+)?")


def parts(output):
    """The text of an output, and its picture if it has one."""
    data = output.get("data", {})
    return [output.get("text") or data["text/plain"], *filter(None, [data.get("image/svg+xml")])]


def texts(notebook):
    """What each cell shows, without the last digits of numbers, and without estimates of errors."""
    found = []
    for cell in notebook.cells:
        for kind, outputs in groupby(cell.get("outputs", ()), lambda output: output.output_type):
            shown = [part for output in outputs for part in parts(output)]
            for text in ["".join(shown)] if kind == "stream" else shown:  # what is printed may come in several pieces
                numbers = re.sub(r"\+-.*", "", text)
                found.append(NUMBER.sub(lambda number: f"{float(number[0]):.4g}", numbers))
    return found


@pytest.mark.filterwarnings("default")  # what Jupyter warns of is its own
def test_the_lecture_runs_and_shows_what_is_stored(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[2]))
    stored, fresh = (nbformat.read(NOTEBOOK, as_version=4) for _ in range(2))
    nbclient.NotebookClient(fresh, timeout=300, kernel_name="python3").execute()
    assert texts(fresh) == texts(stored), "jupyter execute --inplace demos/guide/lecture.ipynb"
    pictures = [output for cell in stored.cells for output in cell.get("outputs", ()) if "image/svg+xml" in str(output)]
    assert len(pictures) == 4
