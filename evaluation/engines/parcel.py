"""A model as it travels to a worker: by the id of a shipped one, or by the content of its files.

A worker may be on a machine that has none of the user's files. It writes them to a folder of its
own, loads them, and compares the hash of the model with that on the driver.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datasets.base.errors import InputError
from fer_models.foreign.contract_file import ContractFile, contract_of
from fer_models.foreign.names import external_weights, files_in, is_code, is_foreign
from fer_models.given_objects import is_given
from fer_models.hub.hugging_face import folder_of, is_hugging_face
from fer_models.services.service_file import is_service
from fer_models.zoo import load, model_ids, split_defences

if TYPE_CHECKING:
    from fer_models.classifier import Classifier


@dataclass(frozen=True)
class Parcel:
    """A model by content.

    Attributes:
        name: id of a shipped model, or name of its file or folder.
        defences: names of its defences, from left to right.
        files: content of each file, by its path beside `name` or below it; none for a shipped
            model.
        contract: of a foreign model.
        model: id in this run.
        weights_sha256: identity that the model must have on arrival.
    """

    name: str
    defences: tuple[str, ...]
    files: dict[str, bytes]
    contract: ContractFile | None
    model: str
    weights_sha256: str

    def unpack(self, folder: Path, faces: np.ndarray) -> "Classifier":
        """Load the model.

        Args:
            folder: where its files are written.
            faces: uint8 (N, H, W, C), see `fer_models.zoo.load`.

        Raises:
            InputError: it cannot be loaded here, or is another one.
        """
        base = str(folder / self.name) if self.files else self.name
        for path, content in self.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        classifier = load("+".join([base, *self.defences]), self.contract, faces)
        if classifier.weights_sha256 != self.weights_sha256:
            raise InputError(
                f"{self.model}: expected sha256 {self.weights_sha256[:12]}... on a worker, found "
                f"{classifier.weights_sha256[:12]}... Install the same version of Deadpan there."
            )
        classifier.id = self.model
        return classifier


def parcel_of(
    model: str, classifier: "Classifier", contract: ContractFile | None = None
) -> Parcel | None:
    """Pack a model; None for one that exists only here: code, an object, a service.

    Args:
        model: as it was named.
        classifier: the same, loaded.
        contract: that was found for it; its contract file when None.
    """
    base, defences = split_defences(model)
    files: dict[str, bytes] = {}
    if is_service(base) or is_given(base) or is_code(base):
        return None
    if base not in model_ids():
        path = folder_of(base) if is_hugging_face(base) else Path(base)
        found = files_in(path)
        if path.is_file():
            found = [path, *(path.parent / other for other in external_weights(path))]
        files = {file.relative_to(path.parent).as_posix(): file.read_bytes() for file in found}
        name = path.name
        contract = (contract or contract_of(base)) if is_foreign(base) else None
    else:
        name, contract = base, None
    sha256 = classifier.weights_sha256
    return Parcel(name, tuple(defences), files, contract, classifier.id, sha256)
