"""Whose picture is next: who has fewest in work; and what makes room when all of it is slow.

One picture after the other, by arrival, would let whoever sends small files that take seconds keep
everybody waiting for all of them. So askers take turns, and where several are of one group, as
requests with one key are, groups take turns before them. A picture that takes longer than others
should wait for may stay only while a process is left to the others; else it makes room, and begins
anew when it may. Nothing here knows processes or clocks.
"""

from collections import Counter, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar


@dataclass(eq=False)
class Piece:
    """A piece of work, who asked for it, and what this one is of."""

    asker: Hashable
    group: Hashable = field(default=None, kw_only=True)


_Piece = TypeVar("_Piece", bound=Piece)


class Turns(Generic[_Piece]):
    """What waits and what is in work, at so many places; and at one more, while some of it is slow.

    Slow pieces may so be in work at as many places as there are, and never at all of them.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._fresh: _Queue[_Piece] = _Queue()
        self._put_back: _Queue[_Piece] = _Queue()
        #: In the order in which they began; whether each is known to be slow.
        self._in_work: dict[_Piece, bool] = {}

    def wait(self, piece: _Piece) -> None:
        """Queues a piece that has just arrived."""
        self._fresh.put(piece)

    def leave(self, piece: _Piece) -> None:
        """Takes a piece out that nobody waits for any more; one in work is ended all the same."""
        self._fresh.remove(piece)
        self._put_back.remove(piece)

    def begin(self) -> _Piece | None:
        """The piece that begins now; None where nothing waits, or no place is free for it."""
        slow = self._slow
        if len(self._in_work) >= self._places + (slow > 0):
            return None
        counts = _counted(self._in_work)
        # Else those that were put back would wait for as long as others come.
        first = self._put_back.take(counts) if slow == 0 else None
        if piece := first or self._fresh.take(counts):
            self._in_work[piece] = piece is first
        elif slow < self._places and (piece := self._put_back.take(counts)):
            self._in_work[piece] = True
        return piece

    def note_slow(self, piece: _Piece) -> None:
        """Says that a piece in work takes longer than others should wait for."""
        if piece in self._in_work:
            self._in_work[piece] = True

    def end(self, piece: _Piece) -> None:
        """Says that a piece is done."""
        self._in_work.pop(piece, None)

    def make_room(self) -> _Piece | None:
        """The piece that is put back, as all are slow and others wait: the youngest loses least."""
        if self._slow <= self._places:
            return None
        for piece in reversed(self._in_work):
            if self._fresh.has_others(piece.asker):
                self._in_work.pop(piece)
                self._put_back.put(piece)
                return piece
        return None

    @property
    def _slow(self) -> int:
        return sum(self._in_work.values())


#: Pieces in work, by group and asker, and by group alone.
_Counts = Counter[tuple[Hashable, ...]]


def _counted(pieces: Iterable[Piece]) -> _Counts:
    places = [_place(piece) for piece in pieces]
    return Counter(places) + Counter(place[:1] for place in places)


def _place(piece: Piece) -> tuple[Hashable, Hashable]:
    """Group and asker; who is of no group is one of its own."""
    return (piece.asker if piece.group is None else piece.group), piece.asker


@dataclass
class _Queue(Generic[_Piece]):
    """Pieces by group and asker, each asker's in their order; both by when they had a turn."""

    _groups: dict[Hashable, dict[Hashable, deque[_Piece]]] = field(default_factory=dict)

    def put(self, piece: _Piece) -> None:
        group, asker = _place(piece)
        self._groups.setdefault(group, {}).setdefault(asker, deque()).append(piece)

    def take(self, in_work: _Counts) -> _Piece | None:
        """The next piece of who has fewest in work, of the group that has."""
        if not self._groups:
            return None
        group = min(self._groups, key=lambda group: in_work[group,])
        askers = self._groups.pop(group)
        asker = min(askers, key=lambda asker: in_work[group, asker])
        pieces = askers.pop(asker)
        piece = pieces.popleft()
        if pieces:
            askers[asker] = pieces
        if askers:
            self._groups[group] = askers
        return piece

    def remove(self, piece: _Piece) -> None:
        group, asker = _place(piece)
        pieces = self._groups.get(group, {}).get(asker, deque())
        if piece in pieces:
            pieces.remove(piece)
            if not pieces:
                del self._groups[group][asker]
            if not self._groups[group]:
                del self._groups[group]

    def has_others(self, asker: Hashable) -> bool:
        """Whether somebody else waits."""
        return any(other != asker for askers in self._groups.values() for other in askers)
