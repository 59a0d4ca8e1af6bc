"""Who is next, without processes: a piece is in work from `begin` until `end`."""

from hypothesis import given
from hypothesis import strategies as st

from models.decoding.turns import Piece, Turns


def waiting(places: int, *askers: str) -> tuple[Turns[Piece], list[Piece]]:
    """Pieces that have arrived, of these askers."""
    turns: Turns[Piece] = Turns(places)
    pieces = [Piece(asker) for asker in askers]
    for piece in pieces:
        turns.wait(piece)
    return turns, pieces


def begun(turns: Turns[Piece]) -> list[Piece]:
    return list(iter(turns.begin, None))


def slowly_begun(turns: Turns[Piece]) -> list[Piece]:
    """As `begun`, and all of it turns out to be slow."""
    found = []
    while more := begun(turns):
        for piece in more:
            turns.note_slow(piece)
        found += more
    return found


def test_one_asker_is_served_in_order_at_all_places() -> None:
    turns, (first, second, third) = waiting(2, "a", "a", "a")

    assert begun(turns) == [first, second]
    turns.end(first)
    assert begun(turns) == [third]


def test_who_asks_for_one_does_not_wait_for_all_of_another() -> None:
    turns, (first, second, _, of_another) = waiting(2, "a", "a", "a", "b")

    assert begun(turns) == [first, of_another]
    turns.end(first)
    assert begun(turns) == [second]


def test_what_is_slow_leaves_one_place_to_others() -> None:
    turns, slow = waiting(2, *"aaaa")
    assert slowly_begun(turns) == slow[:3]
    assert turns.make_room() is None

    turns.wait(another := Piece("b"))

    assert turns.make_room() is slow[2]
    assert begun(turns) == [another]


def test_what_was_put_back_begins_anew_when_there_is_room() -> None:
    turns, slow = waiting(2, *"aaa")
    slowly_begun(turns)
    turns.wait(another := Piece("b"))
    turns.make_room()
    begun(turns)

    turns.end(another)
    assert begun(turns) == []
    turns.end(slow[0])
    assert begun(turns) == [slow[2]]


def test_what_was_put_back_comes_to_its_turn_while_others_keep_coming() -> None:
    turns, slow = waiting(1, *"aa")
    slowly_begun(turns)
    turns.wait(others := Piece("b"))
    assert turns.make_room() is slow[1]
    turns.end(slow[0])

    assert begun(turns) == [slow[1], others]


def test_a_place_that_its_own_asker_waits_for_is_not_taken() -> None:
    turns, slow = waiting(1, *"aaa")

    assert slowly_begun(turns) == slow[:2]
    assert turns.make_room() is None


def test_who_has_left_is_not_begun() -> None:
    turns, (first, gone, last) = waiting(1, "a", "b", "c")
    turns.leave(gone)

    assert begun(turns) == [first]
    turns.end(first)
    assert begun(turns) == [last]


@given(
    places=st.integers(1, 3),
    askers=st.lists(st.sampled_from("abc"), max_size=12),
    ends=st.lists(st.tuples(st.integers(0, 99), st.booleans()), max_size=60),
)
def test_every_piece_ends_once_and_places_are_never_more_than_there_are(
    places: int, askers: list[str], ends: list[tuple[int, bool]]
) -> None:
    turns, pieces = waiting(places, *askers)
    in_work: list[Piece] = begun(turns)
    done: list[Piece] = []

    for number, is_slow in [*ends, *[(0, False)] * 99]:
        if not in_work:
            break
        piece = in_work[number % len(in_work)]
        if is_slow:
            turns.note_slow(piece)
            if back := turns.make_room():
                in_work.remove(back)
        else:
            turns.end(piece)
            in_work.remove(piece)
            done.append(piece)
        in_work += begun(turns)
        assert len(in_work) <= places + 1

    assert sorted(map(id, done)) == sorted(map(id, pieces))


def test_groups_take_turns_however_many_askers_each_has() -> None:
    turns: Turns[Piece] = Turns(1)
    for number in range(8):
        turns.wait(Piece(f"a{number}", group="a"))
    turns.wait(Piece("b0", group="b"))
    turns.wait(Piece("c"))

    order = []
    while piece := turns.begin():
        order.append(piece.asker)
        turns.end(piece)

    assert order == ["a0", "b0", "c", *(f"a{number}" for number in range(1, 8))]
