"""What every test has: one thread a process, no network, shapes checked, and a browser on demand.

Tests that start `hone` in another process run it plain, as a user would: the shape checks are an
import hook of this process alone. `HONE_TESTS_PLAIN=1` leaves it out here too.
"""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# Set before anything imports numpy, torch or polars, and inherited by child processes.
for name in ("OMP", "MKL", "OPENBLAS"):
    os.environ[f"{name}_NUM_THREADS"] = "1"
os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["MPLBACKEND"] = "Agg"

if os.environ.get("HONE_TESTS_PLAIN") != "1":
    from jaxtyping import install_import_hook

    install_import_hook("hone", "beartype.beartype")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Derandomized: a failure here is a failure everywhere. No deadline: CI machines are uneven.
settings.register_profile("hone", deadline=None, derandomize=True)
settings.load_profile("hone")

# No sandbox, because CI often runs as root; the rest keeps the browser from calling home.
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> str | None:
    """The system's Chromium or Chrome on PATH, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")  # wider would leave Playwright's event loop under other tests
def browser() -> Iterator["Browser"]:
    """A headless browser; where there is none the test is skipped, but on CI it fails."""
    executable = find_browser()
    if executable is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("no chromium (or google-chrome) on PATH: install chromium to run browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=executable, headless=True, args=BROWSER_ARGUMENTS
        )
        yield launched
        launched.close()
