"""The pictures of the README, taken from a run: the headline, the coordinator's page, two of a node's."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from deploy.local.companies import Company
from deploy.local.consortium import Consortium
from deploy.local.guided import STOPPED
from deploy.local.headline import Surprise

WIDTH: Final = 1040
CHROMIUM: Final = "/usr/bin/chromium"


def pages(consortium: Consortium, surprise: Surprise) -> Mapping[str, str]:
    """Address by name of the picture; the node shown is the one that stopped."""
    node: Company = consortium.members[STOPPED]
    plan = consortium.plan
    return {
        "coordinator": plan.url("coordinator"),
        "node": plan.url(node.slug),
        "recommendations": (
            f"{plan.url(surprise.company.slug)}recommendations?customer={surprise.customer}&scenario=surprise"
        ),
    }


def take(folder: Path, headline_svg: str, addresses: Mapping[str, str]) -> Iterable[Path]:
    """Draw ``headline_svg`` and every page into ``folder`` as PNG; needs the extra `dev` and Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for name, address in addresses.items():
            page = browser.new_page(viewport={"width": WIDTH, "height": 800})
            page.goto(address)
            page.screenshot(path=folder / f"{name}.png", full_page=True)
            yield folder / f"{name}.png"
        box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', headline_svg)
        if box is not None:
            width, height = (int(float(size)) + 1 for size in box.groups())
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_content(f"<body style='margin:0'>{headline_svg}</body>")
            page.screenshot(path=folder / "headline.png")
            yield folder / "headline.png"
        browser.close()
