"""One pass's table: its labels, its digest, and several as one."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.training.conftest import draw, properties_of
from training.data.example import Example
from training.features.table import FeatureTable, LeftOut, join_tables

EXAMPLES = tuple(Example(Path(f"{n}"), f"{n}", n % 3, None) for n in range(7))
PROPERTIES = tuple(properties_of(draw("cat", number)) for number in range(7))


def table_of(rows: range, *left_out: str) -> FeatureTable:
    """A table whose features and digests tell which example they are of."""
    features = np.array([[row, 10 * row] for row in rows], np.float32)
    digests = tuple(f"digest {row}" for row in rows)
    examples = tuple(EXAMPLES[row] for row in rows)
    left = tuple(LeftOut(name, "no") for name in left_out)
    return FeatureTable(
        examples, features, digests, left, PROPERTIES[rows.start : rows.stop : rows.step]
    )


def test_labels_are_the_classes_of_the_rows() -> None:
    assert table_of(range(2, 6)).labels.tolist() == [2, 0, 1, 2]
    assert table_of(range(0)).labels.dtype == np.int64


def test_tables_of_shares_are_joined_in_the_order_of_all_examples() -> None:
    shares = [table_of(range(1, 7, 2), "6"), table_of(range(0, 6, 2), "x", "6")]

    joined = join_tables(EXAMPLES, shares)

    assert joined.examples == EXAMPLES[:6]
    np.testing.assert_array_equal(joined.features, table_of(range(6)).features)
    assert joined.digests == tuple(f"digest {row}" for row in range(6))
    assert joined.properties == PROPERTIES[:6]
    assert [file.name for file in joined.left_out] == ["6", "x"]


def test_a_single_table_is_itself() -> None:
    table = table_of(range(3), "4")

    assert join_tables(EXAMPLES, [table]) is table


def test_the_digest_changes_with_any_name_or_content_and_not_with_their_order() -> None:
    table = table_of(range(4))
    turned = replace(table, examples=table.examples[::-1], digests=table.digests[::-1])
    other = replace(table, digests=("other", *table.digests[1:]))
    renamed = replace(table, examples=(EXAMPLES[6], *table.examples[1:]))

    assert turned.data_digest == table.data_digest
    assert len({t.data_digest for t in (table, other, renamed, table_of(range(3)))}) == 4


def test_the_kind_of_a_reason_is_what_files_have_in_common() -> None:
    assert LeftOut("a.png", "the picture is broken: no chunk").kind == "the picture is broken"
    assert LeftOut("b.txt", "the file is empty").kind == "the file is empty"
