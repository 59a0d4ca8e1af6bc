"""Folders and archives that are learned from together: whose file a file is, and its name.

Names are unique among all of them. Those of the first source are the paths below it, as where it is
alone, so that a table of an earlier run still fits; those of each further one have its name before
them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from models.archives import Names
from models.errors import DataFolderError
from models.file_names import has_suffix_of_a_picture, printable
from training.data.content import Content, Layout
from training.data.example import Part
from training.data.names import listed
from training.data.tree import Tree, list_tree


@dataclass(frozen=True)
class Source:
    """One `--data`.

    Attributes:
        tree: what lies there.
        prefix: what stands before the names of its files: empty, or a name and `/`.
    """

    tree: Tree
    prefix: str = ""

    @cached_property
    def content(self) -> Content:
        """The same, looked at as pictures."""
        return Content(self.tree)

    def name(self, names: Names) -> str:
        """A file's or folder's name among those of all sources, printable."""
        return self.prefix + printable("/".join(names))

    def without_labels(self, *, with_parts: bool) -> Layout:
        """All of its files without a class, for which a table has them."""
        chain = self.content.chain(self.tree.top)
        complete = next(
            (c for folder in chain if (c := self.content.parts_in(folder).complete)), []
        )
        parts: dict[str, Part] = complete[0] if with_parts and len(complete) == 1 else {}
        files = sorted(self.tree.top.below(), key=lambda names: not has_suffix_of_a_picture(names))
        found = [("", names, _part(names, parts)) for names in files]
        return Layout("pictures", tuple(found), ())


def _part(names: Names, parts: dict[str, Part]) -> Part | None:
    return next((parts[name] for name in names[:-1] if name in parts), None)


def open_sources(roots: Sequence[Path], besides: Collection[Path]) -> tuple[Source, ...]:
    """Lists all sources.

    Raises:
        DataFolderError: one cannot be read, or holds another.
    """
    _check_apart(roots)
    first, *others = (list_tree(root, besides) for root in roots)
    found = [Source(first)]
    taken = {printable(folder.name) for folder in first.top.folders}
    for tree in others:
        plain = printable(tree.root.resolve().name) or "data"
        numbered = (f"{plain}-{number}" for number in range(2, len(taken) + 3))
        name = next(name for name in (plain, *numbered) if name not in taken)
        taken.add(name)
        found.append(Source(tree, f"{name}/"))
    return tuple(found)


def place_of(sources: Sequence[Source]) -> str:
    """All sources, for a sentence."""
    return listed([str(source.tree.root) for source in sources])


def _check_apart(roots: Sequence[Path]) -> None:
    whole = [root.resolve() for root in roots]
    for position, path in enumerate(whole):
        if path in whole[:position]:
            raise DataFolderError(f"--data: {roots[position]} is given twice")
        outer = next((r for r, o in zip(roots, whole, strict=True) if o in path.parents), None)
        if outer is not None and (path.is_dir() or not outer.is_dir()):
            raise DataFolderError(
                f"--data: {roots[position]} lies in {outer}, which is given too: its pictures "
                "would count twice"
            )
