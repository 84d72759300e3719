"""Where things are in this repository."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "longma"
CRATES = ROOT / "crates"
VENV_BIN = ROOT / ".venv" / "bin"
DESIGN = ROOT / "docs" / "design.md"


def python_sources() -> list[Path]:
    """Every Python file of the package, in the order of their names."""
    return sorted(PACKAGE.rglob("*.py"))


def rust_sources() -> list[Path]:
    """Every Rust file of the crates, their tests included."""
    return sorted(path for path in CRATES.rglob("*.rs") if "target" not in path.parts)


def shown(path: Path) -> str:
    """The path as a person would write it: from the repository's root."""
    return str(path.relative_to(ROOT))
