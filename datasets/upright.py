"""Pictures from files as people see them: turned as EXIF says, white where transparent."""

from PIL import ExifTags, Image

_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture of each EXIF orientation upright."""


def upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its EXIF orientation says; EXIF that is damaged turns nothing."""
    turn = _TURNS.get(_orientation(picture))
    return picture if turn is None else picture.transpose(turn)


def opaque(picture: Image.Image) -> Image.Image:
    """The picture over white, as RGBA, where it has transparent places; else as it is."""
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def _orientation(picture: Image.Image) -> object:
    """`ImageOps.exif_transpose` writes the whole block anew and dies of one damaged tag."""
    try:
        return picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow raises errors of many kinds here; a picture is more than its EXIF
        return None
