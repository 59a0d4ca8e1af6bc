"""What belongs together is one group, whatever chain joins it."""

from hypothesis import given
from hypothesis import strategies as st

from training.data.groups import join_groups


def test_copies_twins_and_named_groups_are_joined_by_chains() -> None:
    digests = ["a", "b", "a", "c", "d", "e"]
    named = ["", "anna", "", "", "anna", ""]

    groups = join_groups(digests, [(2, 3)], named)

    assert groups.tolist() == [0, 1, 0, 0, 1, 2]


def test_without_any_ties_each_picture_is_a_group_of_its_own() -> None:
    assert join_groups(["a", "b", "c"]).tolist() == [0, 1, 2]


@given(
    digests=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30),
    twins=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=20),
)
def test_two_that_are_the_same_are_never_in_two_groups(
    digests: list[str], twins: list[tuple[int, int]]
) -> None:
    count = len(digests)
    pairs = [(a, b) for a, b in twins if a < count and b < count]

    groups = join_groups(digests, pairs)

    assert all(groups[a] == groups[b] for a, b in pairs)
    assert len({(d, g) for d, g in zip(digests, groups.tolist(), strict=True)}) == len(set(digests))
    assert sorted(set(groups.tolist())) == list(range(groups.max() + 1))
