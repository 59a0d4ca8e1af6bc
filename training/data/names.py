"""What the names of folders say: parts of a data set, containers, copies, pieces."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from models.file_names import printable
from training.data.example import Part

#: Words that say what is in a folder, and not of which class.
_CONTAINERS: Final = (
    "images?|imgs?|pictures?|photos?|pics?|data|datasets?|jpe?gs?|jpegimages|pngs?|class(?:es)?|"
    "categor(?:y|ies)|files|samples?|examples?|all|raw|originals?"
)

#: Pictures that are made from others, to mark what is in them, or small.
_RENDERINGS: Final = (
    "masks?|labels?|annotations?|segment(?:ed|ations?)|segmentation(?:class|object)|groundtruth|"
    "gt|thumb(?:s|nails?)?|depths?|edges|bbox(?:es)?|boxes|heatmaps?"
)
_VERSIONS: Final = (
    f"{_CONTAINERS}|{_RENDERINGS}|colou?red|colou?r|gr[ae]y|gr[ae]yscaled?|rgb|bw|blackwhite|"
    "(?:near)?infrared|n?ir|thermal|hsv|"
    "augment(?:ed|ations?)|aug|resized|cropped|crops?|(?:pre)?processed|small|large|lowres|highres"
)

_TRAIN: Final = (
    "train|training|trainings|trainen|entrainement|apprentissage|treino|treinamento|entrenamiento|"
    "addestramento|trening|treningow[yae]|trenovaci|opplæring|træning|traning|egitim|"
    "обучение|обучающая|训练|訓練|学習|훈련|학습|تدريب"
)
_VALIDATION: Final = (
    "val|valid|validation|validate|dev|development|validierungs?|validacion|validacao|validatie|"
    "validering|walidacyjn[yae]|walidacja|validacni|dogrulama|валидация|验证|驗證|検証|검증|تحقق"
)
_TEST: Final = (
    "test|tests|testing|teste|testen|holdout|heldout|eval|evaluation|prueba|pruebas|testow[yae]|"
    "testovaci|тест|тестовая|测试|測試|テスト|評価|테스트|시험|평가|اختبار"
)
_FILLERS: Final = (
    "(?:sets?|splits?|folders?|dir|parts?|subset|copy|new|final|images?|imgs?|pictures?|photos?|"
    "pics?|data|datasets?|samples?|examples?|jpe?gs?|pngs?|daten|bilder|phase|zbior|"
    "данные|выборка|集|データ|用|セット|데이터|세트)*"
)
_PARTS: Final[tuple[tuple[re.Pattern[str], Part], ...]] = (
    (re.compile(f"{_FILLERS}(?:{_TRAIN}){_FILLERS}"), "train"),
    (re.compile(f"{_FILLERS}(?:{_VALIDATION}){_FILLERS}"), "validation"),
    (re.compile(f"{_FILLERS}(?:{_TEST}){_FILLERS}"), "test"),
)

#: Parts only where a train and something held out stand side by side, each with folders in it:
#: alone they are names of languages and much else.
_SHORT: Final[dict[str, Part]] = {
    "tr": "train", "trn": "train", "te": "test", "ts": "test", "tst": "test",
    "va": "validation", "vl": "validation", "vld": "validation",
}  # fmt: skip
_SPELT: Final[dict[str, Part]] = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "valid": "validation", "validation": "validation", "trn": "train", "tst": "test",
}  # fmt: skip

_COPY: Final = re.compile(
    r"\s*(?:[-–]?\s*\(\d+\)|[-–]\s*(?:copy|kopie|copie|copia|копия)|\s(?:copy|kopie))"
    r"(?:\s*(?:\d+|\(\d+\)))?\s*$|^copy of\s+",
    re.IGNORECASE,
)
_PIECE: Final = re.compile(
    r".*-\d{8}T\d{6}Z(?:-\d+)*|"  # as Google Drive packs
    r"(?:k?fold|part|batch|(?:sub|data|image)?set|split|data|version|v|chunk|shard|piece|volume|"
    r"vol|disk|disc|cd|dvd|archive)s?(?:[\W_]*\d+|[\W_]+[a-z])",
    re.IGNORECASE,
)

_PIECE_WORD: Final = re.compile(
    "images?|imgs?|pictures?|photos?|data|dataset|part|batch|fold|set|split|subset|chunk|shard"
)

_DATE: Final = re.compile(r"(?:19|20)\d\d(?:[-_.]?[01]\d(?:[-_.]?[0-3]\d)?)?")

#: As `training.run_folder` calls the folder of a run.
_RUN: Final = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(?:_\d+)?")

#: Camera folders after DCF, the standard for them.
_CAMERA: Final = re.compile(r"[1-9]\d\d[A-Z0-9_]{5}")

#: How cameras, telephones and systems begin the names of files.
_TAKEN: Final = re.compile(
    "img|dsc[nfm]?|dcim|imag|imgp|mvimg|pxl|pict|gopr|vid|image|picture|screenshot|whatsappimage"
)
#: A date with the time of day behind it, as telephones name files.
_MOMENT: Final = re.compile(r"(?:19|20)\d{6}[_-]?\d{4,9}")
_MASK_OF: Final = re.compile(
    r"(.+?)[\s._-]+(?:masks?|seg|segmentation|groundtruth|gt)(?:[\s._-]?\d+)?", re.IGNORECASE
)

_UNLABELLED: Final = ("unlabeled", "unlabelled", "nolabel", "nolabels", "unknown")

_GOOD: Final = frozenset(
    ("normal", "healthy", "good", "ok", "pass", "negative", "no", "benign", "real", "genuine")
)
_MONTHS: Final = re.compile(
    "(?:jan|feb|m[aä]r|apr|ma[iy]|june?|july?|aug|sept?|o[ck]t|nov|de[cz])"
    "(?:uary|ruary|uar|ruar|ch|z|il|ust|tember|ober|ember)?"
)


def tells_a_program(folder: str, file: str) -> bool:
    """Whether a file says that its folder is an earlier run's, or an environment of Python."""
    if file in ("settings.json", "bundle.onnx"):
        return bool(_RUN.fullmatch(folder))
    return file == "pyvenv.cfg"


def part_of(name: str) -> tuple[Part, str] | None:
    """`Train-Data` → train and nothing besides, `seg_test` → test and `seg`; None for others."""
    tokens = _tokens(name)
    readings = [("".join(tokens), "")]
    if len(tokens) > 1:
        readings += [(tokens[-1], "".join(tokens[:-1])), (tokens[0], "".join(tokens[1:]))]
    for text, rest in readings:
        for pattern, part in _PARTS:
            if pattern.fullmatch(text):
                return part, rest
    return None


def short_parts(names: Iterable[str]) -> dict[str, Part]:
    """Parts by their shortest names (`tr` and `te`), where all names are such or parts.

    Returns:
        by name the part; empty where there is no train, or nothing held out.
    """
    plain = {name: reading[0] for name in names if (reading := part_of(name)) and not reading[1]}
    found = {name: plain.get(name) or _SHORT.get(word(name)) for name in names}
    parts = {name: part for name, part in found.items() if part}
    return parts if len(parts) == len(found) and {"train"} < set(parts.values()) else {}


def slips(names: Iterable[str]) -> list[str]:
    """Names that are parts but for a slip of the pen (`tarin`, `tset`), where two parts stand."""
    meant = {name: part for name in names if (part := _meant_part(name))}
    found = [name for name in meant if part_of(name) is None]
    return found if len(set(meant.values())) > 1 else []


def _meant_part(name: str) -> Part | None:
    if reading := part_of(name):
        return reading[0] if not reading[1] else None
    letters = word(name)
    near = (part for spelt, part in _SPELT.items() if _is_a_slip(letters, spelt))
    return next(near, None)


def _is_a_slip(one: str, other: str) -> bool:
    """Whether a letter is missing or too much, or two have changed places; never the first."""
    if one == other:
        return True
    if sorted(one) == sorted(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) == 2 and one[0] == other[0]
    short, long = sorted((one, other), key=len)
    return len(short) > 3 and any(short == long[:i] + long[i + 1 :] for i in range(1, len(long)))


def mentions_a_part(name: str) -> bool:
    """Whether a word in it is a part's: `CRC-VAL-HE-7K`."""
    return any(pattern.fullmatch(token) for token in _tokens(name) for pattern, _ in _PARTS)


def is_container(name: str) -> bool:
    """Whether a name says that pictures are in it (`images`), and not which."""
    return bool(re.fullmatch(f"(?:{_CONTAINERS})+", word(name))) and not _has_digits(name)


def is_rendering(name: str) -> bool:
    """Whether a name says that in it are no pictures but what marks things in them (`masks`)."""
    return bool(re.fullmatch(f"(?:{_CONTAINERS})?(?:{_RENDERINGS})(?:{_CONTAINERS})?", word(name)))


def is_version(name: str) -> bool:
    """Whether a name tells the form of a data set (`grayscale`), or which piece (`fold_2`)."""
    plain = re.fullmatch(f"(?:{_VERSIONS})+", word(name)) and not _has_digits(name)
    return bool(plain) or is_piece(name)


def is_piece(name: str) -> bool:
    """Whether a name tells which piece of a data set it is (`fold_2`), or of which day (`2024`)."""
    return bool(_PIECE.fullmatch(name) or _DATE.fullmatch(name) or _MONTHS.fullmatch(word(name)))


def are_pieces(names: Sequence[str]) -> bool:
    """Whether names tell pieces of one data set apart, and no classes (`scans_part_1`, `_2`)."""
    if all(map(is_piece, names)):
        return True
    numbered = all(map(_has_digits, names)) and len({word(name) for name in names}) == 1
    return numbered and any(map(_PIECE_WORD.fullmatch, _tokens(names[0])))


def is_unlabelled(name: str) -> bool:
    """Whether a name says that nobody knows the classes in it."""
    return word(name) in _UNLABELLED


def is_of_a_camera(name: str) -> bool:
    """Whether a camera has called a folder so (`100CANON`)."""
    return bool(_CAMERA.fullmatch(name))


def tells_a_label(file_name: str) -> str | None:
    """The class in a file's name, `cat` in `cat.12.jpg`.

    None where it has fewer than three parts, and where a camera, a date or an export begins it.
    """
    label, *rest = file_name.split(".")
    if not label or len(rest) < 2 or rest[0] == "rf":  # as Roboflow exports: a_jpg.rf.HASH.jpg
        return None
    dated = _DATE.fullmatch(label) or _MOMENT.fullmatch(label)
    return None if dated or _TAKEN.fullmatch(word(label)) else label


def marks_another(file_name: str) -> str | None:
    """Of the mask of a picture in its folder, that picture's stem: `a` of `a_mask_1.png`."""
    found = _MASK_OF.fullmatch(file_name.rpartition(".")[0])
    return found[1] if found else None


def may_be_a_class(name: str) -> bool:
    """Whether a name could be a class: no date, nothing of a camera, no container."""
    letters = word(name)
    return not (
        _DATE.fullmatch(name)
        or _MONTHS.fullmatch(letters)
        or letters in ("dcim", "camera")
        or is_of_a_camera(name)
        or is_container(name)
    )


def says_good(name: str) -> bool:
    """Whether a name is the one half of a judgement (`normal`)."""
    return word(name) in _GOOD


def spells_out(name: str, others: Sequence[str]) -> bool:
    """Whether a name lists others: `ants_bees` does `ants` and `bees`."""
    tokens = {token.rstrip("s") for token in _tokens(name)}
    inside = [{token.rstrip("s") for token in _tokens(other)} for other in others]
    several = len(set(map(frozenset, inside))) > 1  # `cat1` and `cat2` are things of one class
    return several and all(one and one <= tokens for one in inside)


def without_copy(name: str) -> str:
    """`cat - Copy (2)` → `cat`."""
    return _COPY.sub("", name) or name


def word(name: str) -> str:
    """The letters of a name alone, in lower case."""
    return "".join(_tokens(name))


def alike(name: str) -> str:
    """What names have in common that differ by case, spaces or as a copy does."""
    folded = unicodedata.normalize("NFKC", without_copy(name)).casefold()
    return re.sub(r"[\s_-]+", " ", folded).strip()


def quoted(name: str) -> str:
    """A name in quotes, where spaces in it would be lost in a sentence."""
    return f"'{name}'" if name != name.strip() or " " in name else name


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names in a sentence, ten of them at most and how many there are."""
    more = f", … ({len(names):,} in all)" if len(names) > most else ""
    return ", ".join(map(printable, names[:most])) + more


def _has_digits(name: str) -> bool:
    return any(letter.isdigit() for letter in name)


def _tokens(name: str) -> list[str]:
    """The words in a name, without accents: `seg_trainA` → seg, train, a."""
    apart = unicodedata.normalize("NFKD", name)
    normal = unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", apart))
    return re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", normal).casefold())
