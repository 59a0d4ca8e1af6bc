"""The pictures of a report, each with all that is said below it."""

from models.session import Session
from tests.training.report.drawn_told import told_of, with_findings
from training.inspection.finding import Finding
from training.report.gallery import Gallery, Material, make_gallery
from training.report.page import Told
from training.report.record import Record


def gallery_of(told: Told) -> Gallery:
    record, found = told.record, told.record.inspection.findings
    return make_gallery(
        Material(record.judged, record.answers, told.table, told.pictures, told.session, found)
    )


def test_beside_a_picture_hangs_what_the_answering_head_had_learned_from(
    record: Record, session: Session
) -> None:
    told = told_of(record, session, 60)

    tiles = [tile for tiles in gallery_of(told).classes.values() for tile in tiles]

    part_of = dict(
        zip((e.name for e in told.table.examples), told.record.answers.parts, strict=True)
    )
    assert all(len(tile.neighbours) == 3 for tile in tiles)
    assert all(part_of[n.name] != part_of[tile.name] for tile in tiles for n in tile.neighbours)


def test_a_mistake_is_told_with_both_classes(record: Record, session: Session) -> None:
    found = gallery_of(told_of(record, session, 60)).mistakes

    assert found
    assert all(tile.answered != tile.label and tile.shot.heat for tile in found)
    assert [tile.probability for tile in found] == sorted(
        (tile.probability for tile in found), reverse=True
    )


def test_twins_are_looked_at_without_a_heatmap(record: Record, session: Session) -> None:
    told = told_of(record, session, 60)
    first, second, *_ = (example.name for example in told.table.examples)
    twins = Finding("near_duplicate", (first, second), 0.9, "the same")
    suspect = Finding("suspect_label", (first,), 0.9, "looks like another")

    found = gallery_of(with_findings(told, twins, suspect)).findings

    assert [(bool(t.shot.photo), bool(t.shot.heat)) for t in found[twins]] == [(True, False)] * 2
    assert found[suspect][0].shot.heat
    assert found[suspect][0].neighbours == ()


def test_what_was_found_of_files_that_could_not_be_read_has_no_picture(
    record: Record, session: Session
) -> None:
    broken = Finding("unreadable", ("cat/nowhere.png",), 1.0, "broken")

    assert gallery_of(with_findings(told_of(record, session, 30), broken)).findings[broken] == ()
