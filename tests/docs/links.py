"""Every link in the documents that leads to a file, or to a heading of one, leads somewhere."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """The headings' names as GitHub writes them in addresses."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text()), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        repeats = sum(1 for known in found if re.fullmatch(rf"{re.escape(name)}(-\d+)?", known))
        found.add(f"{name}-{repeats}" if repeats else name)
    return found


def broken(document: Path) -> list[str]:
    """The links in a document that lead nowhere."""
    found = []
    for target in LINK.findall(FENCE.sub("", document.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        place = (document.parent / path).resolve() if path else document
        if not place.exists():
            found.append(f"{document.relative_to(ROOT)}: {target} does not exist")
        elif anchor and place.suffix == ".md" and anchor not in anchors(place):
            found.append(f"{document.relative_to(ROOT)}: {target}: no such heading")
    return found


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    documents = [ROOT / name for name in listed.stdout.splitlines()]
    mistakes = [mistake for document in documents for mistake in broken(document)]
    print("\n".join(mistakes), end="\n" if mistakes else "")
    print(f"{len(documents)} documents read, {len(mistakes)} links lead nowhere")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
