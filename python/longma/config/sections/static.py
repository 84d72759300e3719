"""Files that are sent without the application."""

from __future__ import annotations

from longma.config.mounts import DIRECTORIES, MOUNTS
from longma.config.option import DIRECTORY, MOUNTED, Section, option
from longma.config.parsers import COUNT, one_of


class StaticFiles(Section):
    """Files that the engine sends without the application, by whichever thread has time.

    They have validators and parts can be had of them; where `site.css.br`, `site.css.zst` or `site.css.gz` lies beside
    `site.css`, a client that prefers it gets that. A path with a part that begins with a dot is no file's, and nothing
    is sent that does not lie below the directory. A path that ends in `/` means the `index.html` in it.
    """

    __slots__ = ()
    title = "Static files"

    static: tuple[tuple[str, str], ...] = option(
        (),
        kind=MOUNTS,
        cli=("--static",),
        repeat=True,
        anchored=MOUNTED,
        doc="The files of which directories are sent for paths below which: `/static=DIRECTORY`. A configuration file "
        'may also have `static = {"/static": "public"}`. Of several paths that fit, the longest one counts.',
    )
    static_max_age: int = option(
        60,
        kind=COUNT,
        cli=("--static-max-age",),
        unit="seconds",
        doc="For how long clients may use a file without asking again (`Cache-Control: max-age`). 0 has them ask each "
        "time (`no-cache`).",
    )
    static_missing: str = option(
        "404",
        kind=one_of("404", "application"),
        cli=("--static-missing",),
        doc="What is answered where there is no file: `404`, or what the `application` says. With the latter requests "
        "other than GET and HEAD are the application's as well.",
    )
    sendfile_root: tuple[str, ...] = option(
        (),
        kind=DIRECTORIES,
        cli=("--sendfile-root",),
        repeat=True,
        anchored=DIRECTORY,
        doc="The directories in which files may lie that the application names by a field `X-Sendfile` of its answer, "
        "with their absolute paths: such a file is sent in the place of the body. None: the field means nothing.",
    )
    accel_redirect: tuple[tuple[str, str], ...] = option(
        (),
        kind=MOUNTS,
        cli=("--accel-redirect",),
        repeat=True,
        anchored=MOUNTED,
        doc="The same for a field `X-Accel-Redirect`, which names a file by a path of a URL below one of these: "
        "`/protected=DIRECTORY`. No client can ask for such a path. None: the field means nothing.",
    )
