"""The reference of node.toml, written from the types that read it: docs/node-config.md between its marks.

``python -m sensors.node.reference docs/node-config.md`` writes it anew; a test refuses a page that is not up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sensors.node.config import NodeConfig
from settings.reference import rewritten, sections

WRITER = "sensors.node.reference"


def reference() -> str:
    """The generated part of the page: every table and key."""
    return "\n\n".join(["## Every table and key", *sections(NodeConfig)])


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(rewritten(page.read_text(encoding="utf-8"), WRITER, reference()), encoding="utf-8")
