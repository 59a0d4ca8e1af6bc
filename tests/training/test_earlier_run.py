"""Which run is put right by a table of labels."""

from pathlib import Path

from training.earlier_run import find_earlier_run, other_settings
from training.run_folder import write_json


def run_of(folder: Path, data: str | list[str], *, has_ended: bool = True) -> Path:
    folder.mkdir(parents=True)
    write_json(folder / "settings.json", {"data": data, "seed": 0, "out": "runs"})
    for name in ("summary.json", "predictions.csv") if has_ended else ():
        (folder / name).touch()
    return folder


def test_it_is_the_one_in_whose_folder_the_table_lies(tmp_path: Path) -> None:
    old = run_of(tmp_path / "runs" / "pets" / "1", "pets")
    run_of(tmp_path / "runs" / "pets" / "2", "pets")

    found = find_earlier_run((old / "labels.csv",), (Path("pets"),), tmp_path / "runs" / "pets")

    assert found == old


def test_else_it_is_the_newest_of_the_same_pictures_that_has_ended(tmp_path: Path) -> None:
    runs, table = tmp_path / "runs", tmp_path / "labels.csv"
    run_of(runs / "1", ["pets"])
    wanted = run_of(runs / "2", "pets")
    run_of(runs / "3", ["pets", "more"])
    run_of(runs / "4", ["pets"], has_ended=False)

    assert find_earlier_run((table,), (Path("pets"),), runs) == wanted
    assert find_earlier_run((table,), (Path("cars"),), runs) is None
    assert find_earlier_run((), (Path("pets"),), runs) is None


def test_settings_that_matter_are_named_where_they_differ(tmp_path: Path) -> None:
    run = run_of(tmp_path / "1", ["pets"])

    now = {"data": ["pets"], "labels": ["x.csv"], "seed": 1, "out": "elsewhere", "finetune": True}

    assert other_settings(run, now) == ("finetune", "seed")
