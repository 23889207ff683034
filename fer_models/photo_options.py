"""Options that commands on photographs and cameras share: which model, and how faces are found."""

from typer import Argument, Option

PHOTOS = Argument(metavar="PHOTO|FOLDER", help="JPEG, PNG, WebP, ...")
MODEL = Option(
    "--model", "--models", metavar="ID|PATH", help="One model: id, training folder or path."
)
DETECTOR = Option(help="Face detector: haar, blazeface, hog, mtcnn.")
WHOLE = Option("--whole", help="Images are cropped faces: skip detection.")
MIN_SIZE = Option(min=1, help="Smallest side of a face, in pixels.")


def no_face(detector: str) -> str:
    """What to do about a photograph in which a detector finds no face."""
    return (
        f"{detector} finds no face. Try another --detector or --min-size, or --whole if it is a "
        "cropped face."
    )
