"""What the names of folders say: parts of a data set, systems' own, containers, copies, pieces."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from training.data.example import Part

#: Folders that systems keep for themselves, beside those whose names begin with a dot: of network
#: drives, recycle bins, zips from a Mac, file systems, Python, Android, Lightroom.
_SYSTEMS: Final = frozenset(
    """
    @eadir|#recycle|#snapshot|@recycle|@recently-snapshot|@tmp|$recycle.bin|recycler|recycled|
    __macosx|system volume information|lost+found|lost.dir|found.000|__pycache__|
    network trash folder|temporary items|_gsdata_
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
_SYSTEMS_FILES: Final = frozenset(
    ("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r")
)

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
    "augment(?:ed|ations?)|aug|resized|cropped|crops?|(?:pre)?processed|small|large|lowres|highres"
)

_TRAIN: Final = (
    "train|training|trainings|entrainement|apprentissage|treino|entrenamiento|addestramento|"
    "обучение|обучающая|训练|訓練|学習"
)
_VALIDATION: Final = (
    "val|valid|validation|validate|dev|development|validierungs?|validacion|validacao|"
    "валидация|验证|検証"
)
_TEST: Final = (
    "test|tests|testing|teste|holdout|heldout|eval|evaluation|prueba|тест|тестовая|测试|測試|テスト"
)
_FILLERS: Final = (
    "(?:sets?|splits?|folders?|dir|parts?|subset|copy|new|final|images?|imgs?|pictures?|photos?|"
    "pics?|data|datasets?|samples?|examples?|jpe?gs?|pngs?|daten|bilder|данные|выборка|集|データ)*"
)
_PARTS: Final[tuple[tuple[re.Pattern[str], Part], ...]] = (
    (re.compile(f"{_FILLERS}(?:{_TRAIN}){_FILLERS}"), "train"),
    (re.compile(f"{_FILLERS}(?:{_VALIDATION}){_FILLERS}"), "validation"),
    (re.compile(f"{_FILLERS}(?:{_TEST}){_FILLERS}"), "test"),
)

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

_DATE: Final = re.compile(r"(?:19|20)\d\d(?:[-_.]?[01]\d(?:[-_.]?[0-3]\d)?)?")

#: Camera folders after DCF, the standard for them.
_CAMERA: Final = re.compile(r"[1-9]\d\d[A-Z0-9_]{5}")

_UNLABELLED: Final = ("unlabeled", "unlabelled", "nolabel", "nolabels", "unknown")

_GOOD: Final = frozenset(
    ("normal", "healthy", "good", "ok", "pass", "negative", "no", "benign", "real", "genuine")
)
_MONTHS: Final = re.compile(
    "(?:jan|feb|m[aä]r|apr|ma[iy]|june?|july?|aug|sept?|o[ck]t|nov|de[cz])"
    "(?:uary|ruary|uar|ruar|ch|z|il|ust|tember|ober|ember)?"
)


def is_systems_own(name: str, *, is_folder: bool) -> bool:
    """Whether a folder or file is a system's own, and nobody's pictures."""
    folded = name.casefold()
    if not is_folder:
        return folded in _SYSTEMS_FILES
    return folded in _SYSTEMS or folded.endswith((".lrdata", ".photoslibrary"))


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


def is_unlabelled(name: str) -> bool:
    """Whether a name says that nobody knows the classes in it."""
    return word(name) in _UNLABELLED


def is_of_a_camera(name: str) -> bool:
    """Whether a camera has called a folder so (`100CANON`)."""
    return bool(_CAMERA.fullmatch(name))


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
    return len(inside) > 1 and all(one and one <= tokens for one in inside)


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


def printable(name: str) -> str:
    """A file name as it can be printed, logged and stored: no control characters, valid Unicode."""
    decoded = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in decoded)


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
