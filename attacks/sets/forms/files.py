"""Write the attacked images of a set in a form that other programs load, with their card."""

from pathlib import Path

from attacks.sets.eight_bits import EightBitCopies
from attacks.sets.forms import imagefolder, parquet, webdataset
from attacks.sets.forms.card import Origin, card_of
from attacks.sets.forms.form import Form
from attacks.threat_model import format_eps
from datasets.base.atomic import atomic_folder
from datasets.labels import LabelScheme

_WRITERS = {
    Form.IMAGEFOLDER: imagefolder.write,
    Form.PARQUET: parquet.write,
    Form.WEBDATASET: webdataset.write,
}


def write_form(
    copies: EightBitCopies, scheme: LabelScheme, origin: Origin, form: Form, directory: Path
) -> Path:
    """Write `directory/FORM/eps-4-255/`, complete or not at all. The same set gives the same bytes.

    Args:
        copies: the images at one eps.
        scheme: the model's classes.
        origin: model, faces, versions, for the card.
        form: form of the files, not npz.
        directory: folder of the set, on which the caller holds a lock.

    Returns:
        The folder.
    """
    folder = directory / form / eps_folder(copies.eps)
    with atomic_folder(folder) as unfinished:
        _WRITERS[form](copies, scheme, origin.split, unfinished)
        shards = len([*unfinished.glob("data/*")])
        card = card_of(copies, origin, form, shards)
        (unfinished / "README.md").write_text(card, encoding="utf-8", newline="\n")
    return folder


def eps_folder(eps: float) -> str:
    """Name of the folder of one eps: `eps-4-255`."""
    return f"eps-{format_eps(eps).replace('/', '-')}"
