"""Finds pictures that show the same, though their files differ."""

from training.inspection.evidence import Evidence
from training.inspection.finding import Finding
from training.inspection.twins import Twin


def find_near_duplicates(evidence: Evidence) -> list[Finding]:
    """Each pair of twins that are no copies; `exact_duplicate` names those."""
    return [_finding(evidence, twin) for twin in evidence.twins if twin.how != "copy"]


def _finding(evidence: Evidence, twin: Twin) -> Finding:
    pair = [evidence.table.examples[row] for row in (twin.first, twin.second)]
    one, other = (example.name for example in pair)
    shows = "shows the mirror image of" if twin.how == "mirrored" else "shows the same as"
    sentence = f"{other} {shows} {one} (similarity {twin.similarity:.2f})"
    first, second = (evidence.classes[example.class_index] for example in pair)
    if first != second:
        sentence += f", and is of {second} where that is of {first}: one of the labels is wrong"
    return Finding("near_duplicate", (one, other), twin.similarity, sentence)
