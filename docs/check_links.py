"""Check every link of the built pages: python docs/check_links.py FOLDER.

Links within the pages must lead to a file of the folder and, with a fragment, to an element of it. Addresses elsewhere are only
looked at, not asked: they must be https and name a host.
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ADDRESSES = ("href", "src")
INLINE = ("data", "mailto")
THEME = "_static"  # its templates are no pages


class Page(HTMLParser):
    """What one page links to, and what can be linked to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of an element and what it is called."""
        self.links += [value for name, value in attrs if name in ADDRESSES and value]
        self.anchors |= {value for name, value in attrs if value and (name == "id" or (tag, name) == ("a", "name"))}


def wrong_links(folder: Path) -> Iterator[str]:
    """Say of each link that does not hold where it stands and what is wrong."""
    folder = folder.resolve()
    paths = [path for path in sorted(folder.rglob("*.html")) if THEME not in path.relative_to(folder).parts]
    pages = {path: Page(path) for path in paths}
    if not pages:
        yield f"{folder} holds no page"
    for path, page in pages.items():
        for link in page.links:
            wrong = _fault(link, path, folder, pages)
            if wrong:
                yield f"{path.relative_to(folder)}: {link}: {wrong}"


def _fault(link: str, path: Path, folder: Path, pages: dict[Path, Page]) -> str:
    """Say what is wrong with a link, or nothing."""
    parts = urlsplit(link)
    if parts.scheme in INLINE:
        return ""
    if parts.scheme or parts.netloc:
        return "" if parts.scheme == "https" and "." in parts.netloc else "not an https address"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not (target.is_file() and target.is_relative_to(folder)):
        return "no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "no such place in the page"
    return ""


if __name__ == "__main__":
    found = list(wrong_links(Path(sys.argv[1])))
    sys.exit("\n".join(found) if found else 0)
