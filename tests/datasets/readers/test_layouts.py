"""Every layout that docs/data.md shows is read as it says."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.base.errors import InputError
from datasets.data_options import DataOptions, Format
from datasets.labels import FER7, LabelSet
from datasets.read import open_source
from datasets.readers.formats import format_of
from datasets.readers.reading import Reading
from datasets.source import Source
from tests.datasets.readers.layouts import (
    SIDE,
    Layout,
    build,
    documented_layouts,
    face,
    layout,
    save,
)

LAYOUTS = documented_layouts()


def read(path: Path, **options: object) -> Source:
    reading = Reading.of(DataOptions(**options))  # type: ignore[arg-type]
    return open_source(path, reading=reading, progress=False)


def fails(path: Path, *parts: str, **options: object) -> None:
    with pytest.raises(InputError) as caught:
        read(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert not [part for part in parts if part not in message], message


def faces_of(source: Source) -> list[tuple[str, str]]:
    """Split and emotion of every face."""
    if source.fer is not None:
        emotions = [FER7.classes[label] for label in source.fer]
    else:
        assert source.votes is not None
        names = ["neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"]
        emotions = [names[place] for place in source.votes.argmax(axis=1)]
    return list(zip(source.split_of.tolist(), emotions, strict=True))


def test_every_form_has_a_layout():
    assert {each.form for each in LAYOUTS} == set(Format) - {Format.FER2013}


@pytest.mark.parametrize("shown", LAYOUTS, ids=[each.form for each in LAYOUTS])
def test_a_layout_is_read_as_documented(tmp_path, shown: Layout):
    path = build(shown.lines, tmp_path / "data")
    assert format_of(path) == shown.form
    for options in ({}, {"format": shown.form}):
        source = read(path, **options)
        assert sorted(faces_of(source)) == sorted(shown.faces)
        assert source.images.shape[3] == 3
    assert len(np.unique(source.row_ids)) == len(shown.faces)


@pytest.mark.parametrize("form", [name for name in Format if name is not Format.FER2013])
def test_a_folder_of_another_form_is_refused(tmp_path, form):
    save(tmp_path / "photo.png", face(0))
    with pytest.raises(InputError) as caught:
        read(tmp_path, format=form)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("form", ["folders", "ck48"])
def test_a_file_for_a_folder_is_refused(tmp_path, form):
    path = build(layout("csv").lines, tmp_path / "data")
    fails(path, f"--format {form} reads a folder; {path} is a file", "leave --format", format=form)


def test_a_column_that_names_no_splits_is_renamed(tmp_path):
    save(tmp_path / "1.png", face(0, SIDE))
    (tmp_path / "faces.csv").write_text("file_name,label,fold\n1.png,happy,3\n")
    fails(
        tmp_path / "faces.csv", "row 0 (line 2): expected a split", "rename the column fold if it"
    )


def test_two_forms_in_one_folder_need_a_choice(tmp_path):
    build(layout("rafdb").lines, tmp_path)
    build(layout("expw").lines, tmp_path)
    fails(tmp_path, "rafdb and expw", "--format")
    assert read(tmp_path, format="expw").name == "ExpW"
    fails(tmp_path, "--format must be", "'raf'", format="raf")


def test_boxes_cut_the_faces(tmp_path):
    """The first box of ExpW's layout is 20 by 21 pixels from (left 3, top 2)."""
    path = build(layout("expw").lines, tmp_path)
    photo = face(7, side=60)
    save(next(tmp_path.rglob("*.jpg")).with_suffix(".png"), photo)
    lines = (path / "label/label.lst").read_text().replace(".jpg", ".png")
    (path / "label/label.lst").write_text(lines.replace("2 3 23 24", "2 3 23 22"))
    next(tmp_path.rglob("*.jpg")).unlink()
    images = read(path, size=20).images
    assert (images[0] == photo[2:22, 3:23]).all()
    assert images.shape == (2, 20, 20, 3)


def test_seven_classes_are_fer_and_eight_ferplus(tmp_path):
    for form, label_set in (("rafdb", LabelSet.FER), ("ck48", LabelSet.FERPLUS)):
        source = read(build(layout(form).lines, tmp_path / form))
        assert source.faces(source.default_split).label_sets == (label_set,)
    source = read(tmp_path / "ck48", ignore_classes="Contempt")
    assert source.faces(source.default_split).label_sets == (LabelSet.FER,)
    assert source.notes == ("1 face of other classes left out: contempt 1",)


RAF = ("rafdb", "list_patition_label.txt")
EXPW, AFFECT = ("expw", "label.lst"), ("affectnet", "validation.csv")
TABLE, HUB = ("csv", "faces.csv"), ("imagefolder", "test/metadata.csv")


@pytest.mark.parametrize(
    ("which", "old", "new", "parts"),
    [
        (RAF, "01.jpg 1", "01.jpg 8", "row 2 (line 3)|1 to 7|'8'"),
        (RAF, " 7", "", "row 1 (line 2)|file name and a label"),
        (RAF, "test_0001", "test_0009", "row 2 (line 3)|test_0009_aligned.jpg|1 of 3"),
        (RAF, "test_0001", "probe_0001", "row 2 (line 3)|split|'probe'"),
        (EXPW, "75.1 6", "75.1 7", "row 1 (line 2)|0 to 6|'7'"),
        (EXPW, "2 3 23 24", "2 23 3 24", "row 0 (line 1)|box with a width"),
        (EXPW, " 80.5", "", "row 0 (line 1)|8 cells"),
        (AFFECT, ",7,-0.5", ",11,-0.5", "row 1 (line 3)|0 to 10|'11'"),
        (AFFECT, ",7,-0.5", ",8,-0.5", "row 1 (line 3)|'none'|--ignore-classes"),
        (AFFECT, "1/two.jpg", "1/six.jpg", "row 1 (line 3)|six.jpg|1 of 2"),
        (TABLE, "a/2.png,sad", "a/2.png,hapy", "row 1 (line 3)|'hapy'|--classes"),
        (TABLE, "a/2.png,sad", "a/2.png,4", "row 1 (line 3)|numbers mean nothing|--classes"),
        (TABLE, "a/2.png", "a/9.png", "row 1 (line 3)|a/9.png|1 of 2"),
        (TABLE, "a/2.png,sad", "a/2.png,", "row 1 (line 3)|a class, found an empty cell (1 face)"),
        (TABLE, "a/2.png", "", "row 1 (line 3)|empty cell"),
        (TABLE, "sad,test", "sad,extra", "row 1 (line 3)|split|'extra'"),
        (TABLE, "label,split", "label,emotion", "label, emotion|--columns label="),
        (HUB, "fear", "dread", "row 0 (line 2)|'dread'"),
    ],
)
def test_a_faulty_list_is_one_line_with_its_row(tmp_path, which, old, new, parts):
    form, file = which
    path = build(layout(form).lines, tmp_path)
    lists = [each for each in tmp_path.rglob("*") if str(each).endswith(file)]
    text = lists[0].read_text()
    assert old in text
    lists[0].write_text(text.replace(old, new))
    fails(path, file, *parts.split("|"))


def test_an_image_without_annotation_or_row(tmp_path):
    path = build(documented_layouts()[5].lines, tmp_path / "affectnet")
    save(path / "val_set/images/8.jpg", face(1))
    fails(path, "images/8.jpg", "8_exp.npy")
    (path / "val_set/annotations/8_exp.npy").write_text("no array")
    fails(path, "8_exp.npy", "expected one number")
    path = build(layout("imagefolder").lines, tmp_path / "hub")
    save(path / "test/extra.png", face(1))
    fails(path, "extra.png", "expected a row in metadata.csv", "1 images")


def test_one_unreadable_picture_among_a_thousand_is_named_with_its_row(tmp_path):
    picture = save(tmp_path / "good.png", face(0))
    (tmp_path / "bad.png").write_bytes(picture.read_bytes()[:-40])
    rows = ["good.png,happy"] * 617 + ["bad.png,sad"] + ["good.png,sad"] * 382
    table = tmp_path / "list.csv"
    table.write_text("\n".join(["path,label", *rows]))
    fails(table, "list.csv: row 617 (line 619)", "bad.png", "readable PNG or JPEG")


def test_columns_are_chosen_by_name(tmp_path):
    save(tmp_path / "1.png", face(0))
    table = tmp_path / "mine.csv"
    table.write_text("picture,mood,label,part\n1.png,joy,3,val\n")
    source = read(table, columns="path=picture,label=mood,split=part", format="csv")
    assert faces_of(source) == [("PublicTest", "happy")]
    assert source.name == "mine" and source.files.tolist() == ["1.png"]
    fails(table, "--columns path=photo", "column of that name", columns="path=photo", format="csv")
    fails(table, "ROLE=NAME", "'picture'", columns="picture", format="csv")
    fails(tmp_path, "--columns is for csv", columns="path=x", format="kdef")


def test_a_file_of_class_names_and_classes_left_out(tmp_path):
    table = tmp_path / "list.csv"
    names = ["0", "1", "Furious", "tired", "tired", "odd"]
    for row in range(len(names)):
        save(tmp_path / f"{row}.png", face(row))
    table.write_text("\n".join(["path,label", *(f"{i}.png,{n}" for i, n in enumerate(names))]))
    classes = tmp_path / "classes.csv"
    classes.write_text("class,emotion\n0,anger\n1,HAPPY\nfurious,angry\n")
    fails(table, "row 3 (line 5)", "'tired' (2 faces)", classes=classes)
    fails(table, "row 5 (line 7)", "'odd'", classes=classes, ignore_classes="tired")
    source = read(table, classes=classes, ignore_classes="tired,odd")
    assert [emotion for _, emotion in faces_of(source)] == ["angry", "happy", "angry"]
    assert source.row_ids.tolist() == [0, 1, 2]
    assert source.notes == ("3 faces of other classes left out: tired 2, odd 1",)
    assert read(table, classes=classes, ignore_classes="all").notes == source.notes
    options = {"classes": classes, "ignore_classes": "sleepy,all"}
    fails(table, "'sleepy'", "must name classes of the data", **options)
    classes.write_text("class,emotion\n0,angy\n")
    fails(table, "classes.csv: row 0 (line 2)", "'angy'", classes=classes)
    classes.write_text("class,emotion\n0,sad\n0,happy\n")
    fails(table, "classes.csv: row 1 (line 3)", "one meaning", classes=classes)
    fails(table, "--classes must be a csv", "nowhere.csv", classes=tmp_path / "nowhere.csv")


def test_an_accent_is_part_of_its_letter_or_a_character_of_its_own(tmp_path):
    composed, decomposed = "col\u00e8re", "cole\u0300re"
    for row, name in enumerate((decomposed, "joy")):
        save(tmp_path / "data" / "test" / name / f"{row}.png", face(row))
    classes = tmp_path / "classes.csv"
    classes.write_text(f"class,emotion\n{composed},angry\n", encoding="utf-8")
    assert faces_of(read(tmp_path / "data", classes=classes))[0] == ("Test", "angry")
    assert len(read(tmp_path / "data", ignore_classes=composed).images) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text there")
def test_a_file_name_that_is_no_text_is_refused(tmp_path):
    for row, name in enumerate(("happy", "sad")):
        save(tmp_path / "test" / name / f"{row}.png", face(row))
    picture = tmp_path / "test" / "sad" / "1.png"
    picture.rename(picture.with_name(os.fsdecode(b"\xe9.png")))
    fails(tmp_path, r"sad/\udce9.png", "expected a file name in UTF-8", "Rename it.")


def test_images_with_names_of_no_expression_are_counted(tmp_path):
    path = build(layout("kdef").lines, tmp_path)
    save(path / "AF31" / "AF31V.JPG", face(9))
    source = read(path)
    assert len(source.images) == 3
    assert source.notes == ("1 images left out, whose names say no expression: AF31V.JPG",)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("form", ["kdef", "folders"])
def test_links_to_folders_are_followed_and_each_image_is_read_once(tmp_path, form):
    elsewhere = build(layout(form).lines, tmp_path / "elsewhere")
    data = tmp_path / "data"
    data.mkdir()
    for entry in sorted(elsewhere.iterdir()):
        (data / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
    linked, real = read(data), read(elsewhere)
    assert np.array_equal(linked.images, real.images) and faces_of(linked) == faces_of(real)
    (data / "zz_again").symlink_to(elsewhere, target_is_directory=True)
    (elsewhere / "zz_up").symlink_to(data, target_is_directory=True)  # back to where one began
    assert len(read(data).images) == len(real.images)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_files_that_a_link_hides_are_not_left_out_silently(tmp_path):
    save(tmp_path / "data" / "test" / "sad" / "1.png", face(1))
    save(tmp_path / "elsewhere" / "happy" / "1.png", face(0))
    (tmp_path / "elsewhere" / "happy" / "2.heic").touch()
    (tmp_path / "data" / "train").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    fails(tmp_path / "data", "train/happy/2.heic", "1 of the files")


def test_options_for_images_are_refused_where_a_table_holds_the_pixels(tmp_path):
    from tests.datasets.factory import write_source

    path = write_source(tmp_path)
    fails(path, "--size is for image files", size=64)
    fails(Path("sample"), "--classes and --ignore-classes", "sample", ignore_classes="all")
    fails(path, "--size must be from 16 to 1024", size=8)


def test_which_labels_have_the_name_of_the_data(tmp_path):
    """Folders of 48x48 grey images may be FER2013, as it is often published."""
    for form in ("rafdb", "folders"):
        source = read(build(layout(form).lines, tmp_path / form))
        assert source.own_labels and source.faces(source.default_split).own_labels
    save(tmp_path / "fer2013" / "test" / "happy" / "0.png", face(0, 48, 1))
    assert not read(tmp_path / "fer2013").own_labels
    assert not read(Path("sample")).own_labels


def test_faces_remember_their_files(tmp_path):
    source = read(build(layout("folders").lines, tmp_path))
    faces = source.faces(source.default_split)
    assert faces.files.tolist() == ["test/Surprised/0003.jpg"]
    assert faces.take(np.array([], int)).files.tolist() == []
    assert source.images.shape[1:] == (SIDE, SIDE, 3)
