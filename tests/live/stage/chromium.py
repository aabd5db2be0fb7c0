"""A real browser without a window, one profile each."""

import os
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

# No calls to its maker, no sandbox for whoever is root, and any certificate: the one of stage/https.py is nobody's.
OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
]


def browser(folder: Path) -> webdriver.Chrome:
    """A browser with a profile of its own; to be quit by the caller."""
    options = webdriver.ChromeOptions()
    options.binary_location = os.environ["CHROMIUM"]
    for option in [*OPTIONS, f"--user-data-dir={folder}"]:
        options.add_argument(option)
    return webdriver.Chrome(options=options, service=Service(os.environ["CHROMEDRIVER"]))
