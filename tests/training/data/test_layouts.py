"""Public data sets as people unpack them, made small: the right classes, or what to do instead."""

from collections import Counter
from pathlib import Path

import pytest

from models.errors import DataFolderError
from tests.training.data.trees import plant
from training.data.folder import scan_folder

#: Data set | its classes | how many files are in its parts; and below, its tree.
UNDERSTOOD = """
Kaggle brain tumor | glioma notumor | 12 train 6 test
    Training/{c}/*.jpg 6
    Testing/{c}/*.jpg 3
Kaggle chest X-ray, with what a Mac left | NORMAL PNEUMONIA | 12 train 6 test 4 validation
    train/{c}/*.jpeg 6
    test/{c}/*.jpeg 3
    val/{c}/*.jpeg 2
    __MACOSX/train/{c}/._*.jpeg 3
the same, once more inside of itself | NORMAL PNEUMONIA | 12 train 6 test
    train/{c}/*.jpeg 6
    test/{c}/*.jpeg 3
    chest_xray/train/{c}/*.jpeg 6
    chest_xray/test/{c}/*.jpeg 3
the same, one folder too high | NORMAL PNEUMONIA | 12 train 6 test
    chest_xray/train/{c}/*.jpeg 6
    chest_xray/test/{c}/*.jpeg 3
    __MACOSX/chest_xray/._a.jpeg
Intel scenes | buildings sea | 12 train 6 test
    seg_train/seg_train/{c}/*.jpg 6
    seg_test/seg_test/{c}/*.jpg 3
    seg_pred/seg_pred/*.jpg 4
Kaggle cats and dogs in sets | cats dogs | 14 train 6 test
    training_set/training_set/{c}/{c}.*.jpg 6
    training_set/training_set/{c}/_DS_Store
    test_set/test_set/{c}/{c}.*.jpg 3
Kaggle dogs-vs-cats | cat dog | 12 train
    train/{c}.*.jpg 6
    test1/*.jpg 8
    sampleSubmission.csv
ASL alphabet | A B | 12 train
    asl_alphabet_train/asl_alphabet_train/{c}/*.jpg 6
    asl_alphabet_test/asl_alphabet_test/{c}_test.jpg
fruits-360 | Apple Pear | 12 train 6 test
    fruits-360/Training/{c}/*.jpg 6
    fruits-360/Test/{c}/*.jpg 3
    fruits-360/test-multiple_fruits/*.jpg 4
    fruits-360/LICENSE
    fruits-360/papers/a.pdf
torchvision's hymenoptera | ants bees | 12 train 6 validation
    train/{c}/*.jpg 6
    val/{c}/*.jpg 3
Tiny ImageNet | n01443537 n01629819 | 14 train
    train/{c}/images/*.JPEG 6
    train/{c}/{c}_boxes.txt
    val/images/*.JPEG 6
    val/val_annotations.txt
    test/images/*.JPEG 5
    wnids.txt
imagenette | n01440764 n02102040 | 12 train 6 validation
    imagenette2/train/{c}/*.JPEG 6
    imagenette2/val/{c}/*.JPEG 3
    imagenette2/noisy.csv
Roboflow, folders | bolt nut | 12 train 6 validation 4 test
    train/{c}/a_jpg.rf.*.jpg 6
    valid/{c}/a_jpg.rf.*.jpg 3
    test/{c}/a_jpg.rf.*.jpg 2
    README.dataset.txt
    README.roboflow.txt
PlantVillage, one form | Apple___healthy Corn___rust | 12 None
    {c}/*.JPG 6
Flowers in numbered folders | 1 10 2 | 18 None
    {c}/image_*.jpg 6
CUB | 001.Albatross 002.Auklet | 12 None
    images/{c}/*.jpg 6
    images.txt
    attributes/attributes.txt
    parts/parts.txt
CIFAR as PNG | airplane truck | 12 train 6 test
    cifar10/train/{c}/*.png 6
    cifar10/test/{c}/*.png 3
EuroSAT | AnnualCrop Forest | 12 None
    {c}/{c}_*.jpg 6
    train.csv
    label_map.json
PetImages, with what Windows left | Cat Dog | 12 None
    {c}/*.jpg 6
    {c}/Thumbs.db
    System Volume Information/a.jpg
COVID radiography, with masks | COVID Normal | 12 None
    {c}/images/*.png 6
    {c}/masks/*.png 6
    {c}.metadata.xlsx
Hugging Face's imagefolder | cat dog | 12 train 6 validation 4 test
    train/{c}/*.png 6
    validation/{c}/*.png 3
    test/{c}/*.png 2
    README.md
the course's cats and dogs | cat dog | 12 train 6 test
    train/{c}.*.jpg 6
    test/{c}.*.jpg 3
a NAS's thumbnails | cat dog | 12 None
    {c}/*.jpg 6
    {c}/@eaDir/0001.jpg/SYNOPHOTO_THUMB_M.jpg
    #recycle/a/*.jpg 6
Lightroom | cat dog | 12 None
    {c}/*.jpg 6
    My Previews.lrdata/0/a.jpg
a camera's folders below classes | cat dog | 24 None
    {c}/DCIM/100CANON/*.JPG 6
    {c}/DCIM/101CANON/*.JPG 6
photographers and days below classes | cat dog | 36 None
    {c}/anna/*.jpg 6
    {c}/bert/2024-05/*.jpg 6
    {c}/2023/*.jpg 6
classes in their own splits' spelling | cat dog | 12 train 6 test
    Train-Data/{c}/*.jpg 6
    holdout_data/{c}/*.jpg 3
two trainings | cat dog | 24 train 6 validation
    train1/{c}/*.jpg 6
    train2/{c}/b*.jpg 6
    dev/{c}/*.jpg 3
unlabelled ones in a folder of their own | cat dog | 12 train
    train/{c}/*.jpg 6
    test/unknown/*.jpg 6
annotations beside classes | cat dog | 12 None
    {c}/*.jpg 6
    annotations/{c}/*.xml 6
    annotations/list.txt
Food 101 | apple_pie waffles | 12 None
    food-101/images/{c}/*.jpg 6
    food-101/meta/train.txt
garbage classification, in itself | glass paper | 12 None
    Garbage classification/Garbage classification/{c}/*.jpg 6
GTSRB | 0 1 | 12 train
    GTSRB/Train/{c}/*.png 6
    GTSRB/Test/*.png 6
    GTSRB/Meta/*.png 2
    GTSRB/Test.csv
things of a class, numbered | cat dog | 24 None
    {c}/{c}1/*.jpg 6
    {c}/{c}2/*.jpg 6
things of a class, numbered, in parts | apple pear | 24 train 4 test
    train/{c}/{c}_1/*.jpg 6
    train/{c}/{c}_2/*.jpg 6
    test/{c}/{c}_1/*.jpg 2
parts, short for parts | cat dog | 12 train 4 test
    trn/{c}/*.jpg 6
    tst/{c}/*.jpg 2
parts, shorter for parts | cat dog | 12 train 4 test
    tr/{c}/*.jpg 6
    te/{c}/*.jpg 2
parts, in Polish | cat dog | 12 train 4 test
    zbiór treningowy/{c}/*.jpg 6
    testowy/{c}/*.jpg 2
parts, in Dutch | cat dog | 12 train 4 test
    trainen/{c}/*.jpg 6
    testen/{c}/*.jpg 2
parts, in Korean | cat dog | 12 train 4 test
    훈련/{c}/*.jpg 6
    테스트/{c}/*.jpg 2
parts, in Norwegian | cat dog | 12 train 4 validation
    opplæring/{c}/*.jpg 6
    validering/{c}/*.jpg 2
parts, in Japanese | cat dog | 12 train 4 test
    学習用/{c}/*.jpg 6
    評価用/{c}/*.jpg 2
parts, in Arabic | cat dog | 12 train 4 test
    تدريب/{c}/*.jpg 6
    اختبار/{c}/*.jpg 2
parts, phases | cat dog | 12 train 4 test
    train_phase/{c}/*.jpg 6
    test_phase/{c}/*.jpg 2
languages | en te tr | 18 None
    {c}/*.jpg 6
weather and fruit | rain test | 12 None
    {c}/*.jpg 6
an earlier run beside, and an environment | cat dog | 12 None
    {c}/*.jpg 6
    runs/resnet18/2026-11-01_10-00-00/settings.json
    runs/resnet18/2026-11-01_10-00-00/heatmaps/*.png 6
    env/pyvenv.cfg
    env/lib/*.png 6
what systems and programs keep | cat dog | 12 None
    {c}/*.jpg 6
    {c}/Picasa Originals/*.jpg 6
    node_modules/a/*.png 6
    WindowsImageBackup/*.png 6
    $Extend/*.png 6
BUSI, a mask beside each picture | benign malignant | 12 None
    {c}/{c} (*).png 6
    {c}/{c} (*)_mask.png 6
    {c}/{c} (0001)_mask_1.png
a camera's files in no class | cat dog | 12 train 6 test
    train/{c}.*.jpg 6
    train/IMG.2024.*.jpg 6
    test/{c}.*.jpg 3
data in data | cat dog | 12 None
    data/images/{c}/*.jpg 6
    notebooks/a.ipynb
    README.md
"""

#: Data set | its classes | what the refusal says, beside the folder; and below, its tree.
REFUSED = """
MVTec | good broken | ground_truth/
    train/good/*.png 8
    test/{c}/*.png 5
    ground_truth/broken/*.png 5
MVTec, without its masks | good broken | never shown in train/: broken
    train/good/*.png 8
    test/{c}/*.png 5
all of MVTec | good broken | --data {root}/bottle
    bottle/train/good/*.png 8
    bottle/test/{c}/*.png 5
    cable/train/good/*.png 8
    cable/test/{c}/*.png 5
MVTec without parts | good broken | --data {root}/bottle
    bottle/{c}/*.png 8
    cable/good/*.png 8
    cable/bent/*.png 8
a folder of data sets | ants bees | --data {root}/ants_bees
    ants_bees/train/{c}/*.jpg 6
    ants_bees/val/{c}/*.jpg 6
    xray/train/b/*.jpg 6
    xray/test/b/*.jpg 6
a folder of data sets without parts | ants bees | --data {root}/ants_bees
    ants_bees/{c}/*.jpg 6
    xray/NORMAL/*.jpg 6
    xray/PNEUMONIA/*.jpg 6
PlantVillage, all forms | Apple Corn | --data {root}/color
    color/{c}/*.JPG 6
    grayscale/{c}/*.JPG 6
    segmented/{c}/*.JPG 6
folds | cat dog | pieces of one data set
    fold1/{c}/*.jpg 6
    fold2/{c}/*.jpg 6
a download from Google Drive in two halves | cat dog | put the pieces together
    pets-20261101T120000Z-001/pets/{c}/*.jpg 6
    pets-20261101T120000Z-002/pets/dog/b*.jpg 6
Caltech 101 | ant BACKGROUND_Google | --data {root}/101_ObjectCategories meant
    101_ObjectCategories/{c}/*.jpg 6
    Annotations/{c}/*.mat 6
Oxford pets, flat | Abyssinian beagle | holds one class only
    images/{c}_*.jpg 6
    annotations/list.txt
Pascal VOC | x | no names of classes
    JPEGImages/*.jpg 6
    SegmentationClass/*.png 6
    Annotations/*.xml 6
COCO | x | holds no classes
    train2017/*.jpg 6
    val2017/*.jpg 3
    annotations/instances.json
Roboflow's table, with three copies of each picture | x | train/_classes.csv looks like a table
    train/a*_jpg.rf.0.jpg 30
    train/a*_jpg.rf.1.jpg 30
    train/a*_jpg.rf.2.jpg 30
    train/_classes.csv <- a0001_jpg.rf.1.jpg,1
    valid/b*_jpg.rf.0.jpg 9
YOLO | x | holds no classes
    train/images/*.jpg 6
    train/labels/*.txt 6
    valid/images/*.jpg 3
    data.yaml
CycleGAN | x | parts of several data sets
    trainA/*.jpg 6
    trainB/*.jpg 6
    testA/*.jpg 3
    testB/*.jpg 3
TFDS | x | holds no classes
    cats/4.0.0/cats-train.tfrecord-00000-of-00008
    cats/4.0.0/features.json
a camera's card | x | DCIM meant
    DCIM/100CANON/*.JPG 6
    DCIM/101CANON/*.JPG 6
a camera's folder | x | a camera's folders
    100CANON/*.JPG 6
    101CANON/*.JPG 6
flowers, once more inside of itself | daisy rose | flowers/ holds folders that stand beside it
    {c}/*.jpg 6
    flowers/{c}/*.jpg 6
classes beside a test | cat dog | test/ is a part
    {c}/*.jpg 6
    test/{c}/*.jpg 3
a train beside what is none | cat dog | more/
    train/{c}/*.jpg 6
    more/{c}/*.jpg 3
held out alone | cat dog | no train/
    val/{c}/*.jpg 6
    test/{c}/*.jpg 3
parts below classes | cat dog | parts stand above classes
    {c}/train/*.jpg 6
    {c}/test/*.jpg 3
images and masks inside of parts | images masks | no names of classes
    train/{c}/*.png 6
    test/{c}/*.png 6
a train alone beside what is none | a b | results/
    train/{c}/*.jpg 6
    results/*.png 3
numbers beside what is none | 0 1 | results/
    train/{c}/*.jpg 6
    results/*.png 3
HAM10000 | x | HAM10000_metadata.csv looks like a table
    HAM10000_images_part_1/ISIC_*.jpg 6
    HAM10000_images_part_2/ISIC_1*.jpg 6
    HAM10000_metadata.csv <- HAM_1,ISIC_0001,mel
formats | x | no names of classes
    PNG/*.png 6
    JPG/*.jpg 6
Stanford cars | x | holds no classes
    stanford/cars_train/cars_train/*.jpg 9
    stanford/cars_test/cars_test/*.jpg 9
images and masks | x | no names of classes
    images/*.png 6
    masks/*.png 6
archives, not unpacked | x | train.zip): unpack them
    train.zip
    test1.zip
    sampleSubmission.csv
a repository | cat dog | --data {root}/data meant
    data/{c}/*.jpg 6
    docs/*.png 6
    src/a.py
IDC, patients above classes | 8863 8864 | hold the same folders (0, 1)
    {c}/0/*.png 6
    {c}/1/*.png 2
IDC, of one patient less | 8863 8864 | hold the same folders (0, 1)
    {c}/0/*.png 6
    {c}/1/*.png 2
    8865/0/*.png 30
    8865/1/*.png 3
    8865/loose.png
    8866/0/*.png 3
NCT-CRC | ADI TUM | hold the same folders (ADI, TUM)
    NCT-CRC-HE-100K/{c}/*.tif 9
    CRC-VAL-HE-7K/{c}/*.tif 3
forms inside parts | cat dog | forms or pieces of one data set
    train/rgb/{c}/*.png 6
    train/infrared/{c}/*.png 6
    test/rgb/{c}/*.png 6
days inside parts | cat dog | forms or pieces of one data set
    train/2024-05-01/{c}/*.png 6
    train/2024-05-02/{c}/*.png 6
    test/2024-05-02/{c}/*.png 6
a space at the end of a class | cat dog | train/: cat. There are 'cat ', dog
    train/cat /*.jpg 6
    train/dog/*.jpg 6
    test/{c}/*.jpg 3
a slip, tarin and tset | tarin tset | part
    {c}/*.jpg 6
a slip, trainig and test | trainig test | part
    {c}/*.jpg 6
a slip, train and vald | train vald | part
    {c}/*.jpg 6
a slip, tarin and tst | tarin tst | part
    {c}/*.jpg 6
a slip, trn and tst | trn tst | part
    {c}/*.jpg 6
a slip, with folders | x | a slip in the name
    tarin/cat/*.jpg 6
    tset/cat/*.jpg 6
VisA | candle pcb1 | --data {root}/candle/Data/Images
    {c}/Data/Images/Normal/*.JPG 6
    {c}/Data/Images/Anomaly/*.JPG 6
    {c}/Data/Masks/Anomaly/*.png 6
a camera's files in parts | IMG DSC | holds no classes
    train/{c}.2024.*.jpg 6
    test/{c}.2024.*.jpg 6
days in file names | 2024-05-01 20240502_101500 | holds no classes
    train/{c}.a.*.jpg 6
    test/{c}.a.*.jpg 6
an export without its table | a_jpg b_jpg | holds no classes
    train/{c}.rf.*.jpg 6
    test/{c}.rf.*.jpg 6
Kvasir, one folder too high | polyps ulcer | --data {root}/kvasir meant
    kvasir/{c}/*.jpg 6
"""


def rows_of(table: str) -> list[object]:
    rows: list[list[str]] = []
    for line in table.strip().splitlines():
        if line.startswith(" "):
            rows[-1][0] += f"{line}\n"
        else:
            name, classes, expected = line.split(" | ")
            rows.append(["", classes, expected, name])
    return [pytest.param(*row[:3], id=row[3]) for row in rows]


def planted(root: Path, tree: str, classes: str) -> Path:
    for entry in tree.splitlines():
        for name in classes.split() if "{c}" in entry else [""]:
            plant(root, entry.replace("{c}", name))
    return root


@pytest.mark.parametrize(("tree", "classes", "parts"), rows_of(UNDERSTOOD))
def test_a_data_set_is_understood(tmp_path: Path, tree: str, classes: str, parts: str) -> None:
    found = scan_folder(planted(tmp_path, tree, classes))

    count, words = Counter(str(e.part) for e in found.examples), parts.split()
    assert found.classes == tuple(classes.split())
    assert count == {part: int(n) for n, part in zip(words[::2], words[1::2], strict=True)}


@pytest.mark.parametrize(("tree", "classes", "said"), rows_of(REFUSED))
def test_a_data_set_is_refused_with_what_to_do(
    tmp_path: Path, tree: str, classes: str, said: str
) -> None:
    planted(tmp_path, tree, classes)

    with pytest.raises(DataFolderError) as refusal:
        scan_folder(tmp_path)

    assert said.replace("{root}", str(tmp_path)) in str(refusal.value)
