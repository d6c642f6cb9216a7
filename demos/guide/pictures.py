"""Make every picture of the guide by the code that stands beside it: the pages are run, and what they draw is kept."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from demos.guide.snippets import GUIDE, pages, run

FOLDER = GUIDE / "pictures"


def shown(page: Path) -> list[str]:
    """The names of the pictures that a page shows."""
    return re.findall(r"!\[[^\]]*\]\(pictures/([\w.-]+)\)", page.read_text(encoding="utf-8"))


def main() -> None:
    """Run the pages that show pictures, and replace the pictures by what they draw."""
    FOLDER.mkdir(exist_ok=True)
    for page in pages():
        names = shown(page)
        if not names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            print(run(page, Path(folder)), end="")
            for name in names:
                shutil.copyfile(Path(folder) / name, FOLDER / name)
                print(f"{page.name}: {name}, {(FOLDER / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
