"""The reference of scenario files, written from the types that read them: docs/scenarios.md between its marks.

``python -m sim.staging.reference docs/scenarios.md`` writes it anew; a test refuses a page that is not up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from settings.reference import rewritten, sections, unit
from sim.sources.lookalikes import LOOKALIKES
from sim.sources.weapons import WEAPONS
from sim.staging.catalogue import shipped
from sim.staging.spec import Spec


def reference() -> str:
    """The generated part of the page: what is shipped, every table and key, weapons, look-alikes."""
    return "\n\n".join([_shipped(), "## Every table and key", *sections(Spec), _weapons(), _lookalikes()])


def _shipped() -> str:
    rows = [f"| `{listed.name}` | {listed.title} | {listed.purpose} |" for listed in shipped()]
    return "\n".join(["## The shipped scenarios", "", "| name | title | what it is for |", "|---|---|---|", *rows])


def _weapons() -> str:
    rows = [
        f"| `{weapon.name}` | {weapon.label} | {weapon.speed_m_s:g} | "
        f"{'' if weapon.cyclic_rpm is None else f'{weapon.cyclic_rpm:g}'} |"
        for weapon in WEAPONS.values()
    ]
    head = "| weapon | what it is | muzzle speed, m/s | rounds a minute, automatic |"
    return "\n".join(["### Weapons", "", head, "|---|---|---|---|", *rows])


def _lookalikes() -> str:
    rows = []
    for lookalike in LOOKALIKES.values():
        for option in lookalike.options:
            default = f"`{option.default}`" if isinstance(option.default, str) else f"{option.default:g}"
            bounds = f"{option.expected} {unit(option.name)}".rstrip()
            rows.append(f"| `{lookalike.word}` | `{option.name}` | {bounds} | {default} | {option.meaning} |")
    head = "| kind | option | value | default | meaning |"
    return "\n".join(["### Look-alikes and their options", "", head, "|---|---|---|---|---|", *rows])


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(rewritten(page.read_text(encoding="utf-8"), "sim.staging.reference", reference()), encoding="utf-8")
