"""What docs/applications.md says of an application, with the places and secrets of the tests in the place of its examples."""

import re
import tomllib
from pathlib import Path
from typing import Any

from .provider import hashed, secret_of

PAGE = Path(__file__).parents[3] / "docs" / "applications.md"
PASEE = "https://pasee.example.com"


class Documented:
    """One section. `url` is where the application is in the tests, which the page calls something else."""

    def __init__(self, heading: str, example: str, url: str) -> None:
        self.example, self.url = example, url
        sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
        [self.text] = [text for text in sections if text.startswith(f"{heading}\n")]

    def client(self) -> dict[str, Any]:
        """The application as Pasee is to know it; with the secret of the tests."""
        [client] = tomllib.loads(self._block("toml"))["clients"]
        return client | {"secret_hashes": [hashed(secret_of(client["id"]))]}

    def settings(self, language: str, pasee: str, client: str) -> str:
        """The application's own settings."""
        return self._block(language).replace(PASEE, pasee).replace("SECRET", secret_of(client))

    def _block(self, language: str) -> str:
        [text] = re.findall(rf"^```{language}\n(.*?)^```", self.text, flags=re.MULTILINE | re.DOTALL)
        assert self.example in text, text
        return text.replace(self.example, self.url)
