"""The Rust floors: proto knows no system, the engine no Python, unsafe lives in sys/ and in the binding, no cycles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tomli

from tests.support.paths import CRATES, rust_sources, shown

TLS = ("rustls", "rustls-webpki", "ring", "pkcs8", "md-5", "aes", "cbc", "des")
HTTP2 = {"h2", "http", "bytes", "tokio"}
ALLOWED = {
    "proto": {"memchr"},
    "engine": {"longma-proto", "libc", "memchr", *TLS, *HTTP2},
    "binding": {"longma-proto", "longma-engine", "libc", "memchr", "pyo3", "pyo3-ffi"},
}
SAFETY_LINES = 5  # how far above the block its reason may begin
UNSAFE_FOLDERS = (CRATES / "engine" / "src" / "sys", CRATES / "binding")
# A system call, the clock, the filesystem, a lock or a thread: none of them belongs in protocol code.
BEYOND_PROTOCOL = re.compile(r"\bstd::(net|fs|io|os|process|thread|time|env|sync)\b|\blibc::")
LITERALS = re.compile(r"""//[^\n]*|/\*.*?\*/|b?r(\#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])'""", re.DOTALL)
PATH_IN_CRATE = re.compile(r"\b(crate|super(?:::super)*)((?:::\w+)+)")
GROUPED_USE = re.compile(r"\buse (crate|super(?:::super)*)((?:::\w+)*)::\{([^;]*)\};", re.DOTALL)


def code(path: Path) -> str:
    """The file without comments, strings and character literals."""
    return LITERALS.sub(lambda found: "\n" * found[0].count("\n"), path.read_text())


def sources_of(crate: str) -> list[Path]:
    """The library's own files; the tests beside them in tests/ and benches/ are not floors."""
    return [path for path in rust_sources() if (CRATES / crate / "src") in path.parents]


@pytest.mark.parametrize("crate", sorted(ALLOWED))
def test_a_crate_depends_on_what_its_floor_allows(crate: str):
    manifest = tomli.loads((CRATES / crate / "Cargo.toml").read_text())
    dependencies = set(manifest.get("dependencies", {}))
    for target in manifest.get("target", {}).values():
        dependencies |= set(target.get("dependencies", {}))
    assert dependencies - ALLOWED[crate] == set()


def test_the_protocol_crate_forbids_unsafe():
    assert "#![forbid(unsafe_code)]" in (CRATES / "proto" / "src" / "lib.rs").read_text()


def test_protocol_code_opens_nothing_reads_no_clock_and_takes_no_lock():
    beyond = [
        f"{shown(path)}: {found[0]}" for path in sources_of("proto") for found in BEYOND_PROTOCOL.finditer(code(path))
    ]
    assert beyond == []


def test_unsafe_lives_only_where_the_design_says():
    astray = [
        f"{shown(path)}:{number}"
        for path in rust_sources()
        if not any(folder in path.parents for folder in UNSAFE_FOLDERS)
        for number, line in enumerate(code(path).splitlines(), 1)
        if re.search(r"\bunsafe\b", line)
    ]
    assert astray == []


def test_every_unsafe_block_of_sys_says_why_it_is_sound():
    silent = []
    for path in rust_sources():
        lines = path.read_text().splitlines() if UNSAFE_FOLDERS[0] in path.parents else []
        for index, line in enumerate(lines):
            reason_lines = lines[max(0, index - SAFETY_LINES) : index + 1]
            if re.search(r"\bunsafe (\{|impl)", line.split("//")[0]) and "SAFETY:" not in "\n".join(reason_lines):
                silent.append(f"{shown(path)}:{index + 1}")
    assert silent == []


def test_sys_stands_under_the_rest_of_the_engine():
    sys_folder = UNSAFE_FOLDERS[0]
    astray = [
        f"{shown(path)}: {target}"
        for path in sources_of("engine")
        if sys_folder in path.parents
        for target in used_modules(path, "engine")
        if sys_folder not in (CRATES / "engine" / "src" / target).parents
    ]
    assert astray == []


@pytest.mark.parametrize("crate", sorted(ALLOWED))
def test_no_module_depends_on_itself_through_others(crate: str):
    source = CRATES / crate / "src"
    graph = {str(path.relative_to(source)): used_modules(path, crate) for path in sources_of(crate)}
    found = [" -> ".join(cycle) for cycle in cycles(graph)]
    assert not found, "\n".join(found)


def used_modules(path: Path, crate: str) -> set[str]:
    """The files of the same crate that this one names things from, apart from the modules it declares itself."""
    source = CRATES / crate / "src"
    text = re.sub(r"#\[cfg\(test\)\]\s*mod \w+ \{.*\Z", "", code(path), flags=re.DOTALL)
    text = re.sub(r"\bpub(\([a-z]+\))? use [^;]*;", "", text)
    home = path.relative_to(source).with_suffix("").parts
    module = home[:-1] if home[-1] in ("mod", "lib") else home
    named = [(found[1], found[2].split("::")[1:]) for found in PATH_IN_CRATE.finditer(text)]
    for found in GROUPED_USE.finditer(text):
        stem = found[2].split("::")[1:]
        named += [
            (found[1], [*stem, *part.strip().split("::")]) for part in re.split(r"[,{}]", found[3]) if part.strip()
        ]
    used = set()
    for start, parts in named:
        base = () if start == "crate" else module[: len(module) - start.count("super")]
        target = file_of(source, (*base, *parts))
        if target is not None and target != path:
            used.add(str(target.relative_to(source)))
    return used


def file_of(source: Path, parts: tuple[str, ...]) -> Path | None:
    """The file that holds the deepest module of the path a::b::Name."""
    for length in range(len(parts), 0, -1):
        stem = source.joinpath(*parts[:length])
        for candidate in (stem.with_suffix(".rs"), stem / "mod.rs"):
            if candidate.exists():
                return candidate
    return None


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Every way from a module back to itself, each once."""
    found: list[list[str]] = []
    finished: set[str] = set()

    def visit(node: str, trail: list[str]) -> None:
        if node in trail:
            found.append([*trail[trail.index(node) :], node])
        elif node not in finished:
            for following in sorted(graph.get(node, ())):
                visit(following, [*trail, node])
            finished.add(node)

    for node in sorted(graph):
        visit(node, [])
    return found


def test_a_cycle_is_seen():
    assert cycles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == [["a", "b", "c", "a"]]
