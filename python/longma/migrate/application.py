"""Which application is served: `module`, `wsgi-file`, `callable`, `mount`, and where its code is looked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from longma.migrate.outcome import Outcome, Setting, see_to, setting, settle
from longma.migrate.values import Text, joined, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longma.migrate.expand import Option

MODULES: Final = frozenset({"module", "wsgi", "w"})
FILES: Final = frozenset({"wsgi-file", "file"})
CALLABLES: Final = frozenset({"callable"})
MOUNTS: Final = frozenset({"mount", "worker-mount"})
PATHS: Final = frozenset({"pythonpath", "python-path", "pp"})
ENVIRONMENTS: Final = frozenset({"virtualenv", "venv", "home", "pyhome", "H"})
NAMES: Final = MODULES | FILES | CALLABLES | MOUNTS | PATHS | ENVIRONMENTS | frozenset({"env"})

SEVERAL: Final = (
    "longma serves one application; put several together in Python (Werkzeug's DispatcherMiddleware does it), or start "
    "one longma for each and divide the paths in the proxy"
)


def translate(options: Sequence[Option]) -> Outcome:
    """Return the settings that name the application, its path and its environment."""
    outcome = Outcome()
    apps = [option for option in options if option.name in MODULES | FILES]
    for replaced in apps[:-1]:
        outcome |= settle(replaced, f"replaced by {apps[-1].shown}, which comes later")
    paths = [option for option in options if option.name in PATHS]
    if apps:
        outcome |= named(apps[-1], [option for option in options if option.name in CALLABLES], options, paths)
    elif callables := [option for option in options if option.name in CALLABLES]:
        outcome |= see_to(
            callables[-1], "there is no module beside it: set wsgi_app, or name MODULE:NAME when you start longma"
        )
    outcome |= mounted([option for option in options if option.name in MOUNTS], bool(apps), options)
    if paths and not any(setting.name == "pythonpath" for setting in outcome.settings):
        outcome |= setting("pythonpath", joined_by_comma([path.value for path in paths]), *paths)
    outcome = with_environment(outcome, [option for option in options if option.name == "env"])
    for option in options:
        if option.name in ENVIRONMENTS:
            outcome |= see_to(option, f"install longma there, and start {option.value.shown}/bin/longma")
    return outcome


def joined_by_comma(values: Sequence[Text]) -> str:
    parts = values[0].parts
    for value in values[1:]:
        parts = (*parts, ",", *value.parts)
    return Text(joined(parts)).code


def named(app: Option, callables: Sequence[Option], options: Sequence[Option], paths: Sequence[Option]) -> Outcome:
    """Return the application that a module or a file names."""
    used = (app, *callables[-1:])
    literal = app.value.literal
    name = callables[-1].value.literal if callables else None
    if literal is None or (callables and name is None):
        suffix = Text(joined((":", *callables[-1].value.parts))).parts if callables else ()
        return setting("wsgi_app", Text(joined((*app.value.parts, *suffix))).code, *used)
    if app.name in MODULES:
        module, colon, inside = literal.partition(":")
        return setting("wsgi_app", repr_of(module.strip(), name if callables else inside if colon else None), *used)
    return from_file(literal, name, used, options, paths)


def repr_of(module: str, name: str | None) -> str:
    return quoted(f"{module}:{name or 'application'}")


def from_file(
    path: str, name: str | None, used: tuple[Option, ...], options: Sequence[Option], paths: Sequence[Option]
) -> Outcome:
    """Return the application of a file: a module under `chdir` where it lies there, else with its folder to search."""
    stem, extension = os.path.splitext(path)
    parts = stem.strip("/").split("/")
    if extension != ".py" or not parts[-1].isidentifier():
        words = "longma imports modules: give the file a name that can be imported (letters, digits, _ and .py)"
        return see_to(used[0], f"{words}, then wsgi_app = 'NAME:{name or 'application'}'")
    directory = next((option.value.literal for option in reversed(options) if option.name == "chdir"), None)
    if os.path.isabs(path) and directory and stem.startswith(directory.rstrip("/") + "/"):
        parts = os.path.relpath(stem, directory).split("/")
    if (not os.path.isabs(path) or parts != stem.strip("/").split("/")) and all(part.isidentifier() for part in parts):
        return setting("wsgi_app", repr_of(".".join(parts), name), *used)
    folder = Text((os.path.dirname(path),))
    searched = joined_by_comma([*(option.value for option in paths), folder])
    outcome = setting("wsgi_app", repr_of(parts[-1], name), *used)
    return outcome | setting("pythonpath", searched, *paths, note=f"where {os.path.basename(path)} lies")


def mounted(mounts: Sequence[Option], has_app: bool, options: Sequence[Option]) -> Outcome:
    """Return what becomes of mounts: one alone is the application, with its SCRIPT_NAME."""
    if not mounts:
        return Outcome()
    literal = mounts[0].value.literal
    if len(mounts) > 1 or has_app or literal is None or "=" not in literal:
        outcome = Outcome()
        for mount in mounts:
            outcome |= see_to(mount, SEVERAL)
        return outcome
    where, _, app = literal.partition("=")
    stand_in = mounts[0]._replace(name="wsgi-file" if app.endswith(".py") else "module", value=Text((app,)))
    callables = [option for option in options if option.name in CALLABLES]
    outcome = named(stand_in, callables, options, [option for option in options if option.name in PATHS])
    outcome = outcome._replace(settings=tuple(made._replace(origin=(mounts[0].shown,)) for made in outcome.settings))
    if where.strip("/"):
        script_name = f'["SCRIPT_NAME=/{where.strip("/")}"]'
        outcome |= setting("raw_env", script_name, mounts[0], note="the path the application is mounted on")
    return outcome


def with_environment(outcome: Outcome, variables: Sequence[Option]) -> Outcome:
    """Return the outcome with the environment variables added, to the one that a mount has made where it has."""
    made = [setting for setting in outcome.settings if setting.name == "raw_env"]
    items = [setting.code[1:-1] for setting in made]
    origin = [setting.origin[0] for setting in made]
    rest = tuple(setting for setting in outcome.settings if setting.name != "raw_env")
    outcome = outcome._replace(settings=rest)
    for option in variables:
        if "=" in option.value.shown:
            items.append(option.value.code)
            origin.append(option.shown)
        else:
            outcome |= see_to(option, "not NAME=VALUE")
    if items:
        outcome |= Outcome((Setting("raw_env", f"[{', '.join(items)}]", tuple(origin)),))
    return outcome
