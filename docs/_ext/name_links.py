"""Make a link of every public name that a page or a docstring shows as code: `df.top_k`, `optim.SGD`, `KNNIndex`."""

from collections import defaultdict
from typing import Any

from docutils import nodes
from public_names import PACKAGE
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

# What may stand without its module, unless it looks like a word.
ALONE = ("class", "data", "exception", "function")
KINDS = (*ALONE, "method", "module", "property")


class NameLinks(SphinxPostTransform):
    """Wrap code that is a public name into a link to its page."""

    default_priority = 5

    def run(self, **_options: Any) -> None:
        """Look at all code that is not in a link or a heading yet."""
        domain = self.env.domains["py"]
        targets = _targets({name: entry.objtype for name, entry in domain.objects.items() if not entry.aliased})
        for node in list(self.document.findall(nodes.literal)):
            name = targets.get(node.astext().removesuffix("()"))
            inside = isinstance(node.parent, nodes.reference | nodes.title)
            if name and not inside and domain.objects[name].docname != self.env.docname:
                entry = domain.objects[name]
                address = self.app.builder.get_relative_uri(self.env.docname, entry.docname)
                link = nodes.reference("", "", internal=True, refuri=f"{address}#{entry.node_id}", reftitle=name)
                node.replace_self(link)
                link += node


def _targets(kinds: dict[str, str]) -> dict[str, str]:
    """Give what each spelling stands for: of several names the one nearest to the package, of several such ones none."""
    spellings = defaultdict(set)
    for name, kind in kinds.items():
        if kind in KINDS and name.startswith(f"{PACKAGE}."):
            parts = name.split(".")[1:]
            dotted = [".".join(parts[i:]) for i in range(len(parts) - 1)]
            alone = kind in ALONE and ("_" in parts[-1] or parts[-1] != parts[-1].lower())
            for spelling in [name, ".".join(["df", *parts]), *dotted, *(parts[-1:] if alone else [])]:
                spellings[spelling].add(name)
    nearest = {spelling: _fewest_dots(names) for spelling, names in spellings.items()}
    return {spelling: names[0] for spelling, names in nearest.items() if len(names) == 1}


def _fewest_dots(names: set[str]) -> list[str]:
    fewest = min(name.count(".") for name in names)
    return [name for name in names if name.count(".") == fewest]


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx apply this when it writes pages."""
    app.add_post_transform(NameLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
