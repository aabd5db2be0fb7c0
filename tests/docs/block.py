"""Prints the one block of code that a document has in a language: block.py DOCUMENT LANGUAGE."""

import re
import sys
from pathlib import Path


def block(document: Path, language: str) -> str:
    """What stands between the fences."""
    found = re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"{document} has {len(found)} blocks of {language}")
    return found[0]


if __name__ == "__main__":
    sys.stdout.write(block(Path(sys.argv[1]), sys.argv[2]))
