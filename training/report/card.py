"""`MODEL_CARD.md`: what whoever gets the model must know, headed as hubs read it."""

import re
from pathlib import Path
from typing import Final

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.bundle import BundleMetadata
from models.files import output_file
from training.report.making import making_of
from training.report.record import Record
from training.report.verdict import judge

#: What means something in Markdown, or in the HTML that it may hold.
_MARKS: Final = re.compile(r"([\\`*_\[\]#|<>&~$])")

#: Classes that the card names one by one.
_CLASSES: Final = 200


def write_card(path: Path, record: Record, metadata: BundleMetadata) -> None:
    """Writes the card of a run's bundle. It names no file and no path: it is made to be passed on.

    Raises:
        OutputError: the file cannot be written.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "page"),
        autoescape=False,  # noqa: S701  it is no HTML; names are escaped by `plain`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    environment.filters["capitalised"] = lambda text: text[:1].upper() + text[1:]
    evaluation = record.judged.evaluation
    page = environment.get_template("MODEL_CARD.md").render(
        head=_head(record, metadata),
        making=making_of(record, metadata, is_private=True),
        metadata=metadata,
        evaluation=evaluation,
        named=dict(list(evaluation.classes.items())[:_CLASSES]),
        verdict=judge(evaluation, record.inspection),
        findings=record.inspection.counts,
        learned=record.learned,
    )
    with output_file(path) as file:
        file.write(page.encode("utf-8", "backslashreplace"))


def plain(text: str) -> str:
    """A name as Markdown shows it: nothing in it is markup."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _head(record: Record, metadata: BundleMetadata) -> str:
    """YAML, in the words of the hub."""
    name = making_of(record, metadata).name
    source, evaluation = record.learned.base_model, record.judged.evaluation
    is_of_the_hub = bool(source) and "://" not in source
    is_known = re.fullmatch(r"[a-z0-9.-]+", metadata.licence) and metadata.licence != "unknown"
    card = ModelCardData(
        base_model=source.partition("#")[0] if is_of_the_hub else None,
        eval_results=[
            EvalResult(
                task_type="image-classification",
                dataset_type="own",
                dataset_name=name,
                metric_type="accuracy",
                metric_value=round(evaluation.accuracy, 4),
                metric_config="95% interval {:.4f} to {:.4f}".format(*evaluation.accuracy_interval),
            )
        ],
        library_name="onnx",
        license=metadata.licence if is_known else "other",
        license_name=None if is_known else metadata.licence.replace(" ", "-"),
        model_name=name,
        pipeline_tag="image-classification",
        tags=["onnx", "transfer-learning", "grad-cam"],
    )
    head: str = card.to_yaml()
    return head
