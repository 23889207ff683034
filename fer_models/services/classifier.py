"""A service as a classifier: a black box that sees images rounded to 8 bits."""

from contextlib import AbstractContextManager
from pathlib import Path

from fer_models.classifier import Classifier
from fer_models.foreign.classifier import BlackBoxClassifier
from fer_models.foreign.contract_file import ContractFile, contract_of
from fer_models.foreign.raw_model import RawModel
from fer_models.services.raw_service import raw_service
from fer_models.services.service import Service, open_service
from fer_models.wrapped_classifier import innermost


class ServiceClassifier(BlackBoxClassifier):
    """A service behind its contract.

    Attributes:
        service: that is asked.
    """

    def __init__(self, service: Service, raw: RawModel, file: ContractFile) -> None:
        super().__init__(raw, file)
        self.id, self.service = service.name, service
        self.labels_only = service.file.labels_only

    def asked_anew(self, draw: str = "", kept: bool = False) -> AbstractContextManager[None]:
        """Ask the service again although its answers are cached; see `Classifier.asked_anew`."""
        return self.service.asked_anew(draw, kept)

    def keep_answers(self, folder: Path) -> None:
        """Keep the answers of the service in a folder."""
        self.service.keep_answers(folder)


def load_service(name: str, contract: ContractFile | None = None) -> ServiceClassifier:
    """Load a service by its file or URL; no request is sent yet.

    Args:
        name: path of a `.http.toml` file, or a URL that one names.
        contract: its contract; what its file says when None.

    Raises:
        InputError: the file is missing, damaged or does not name the classes.
    """
    service = open_service(name)
    return ServiceClassifier(service, raw_service(service), contract or contract_of(name))


def service_of(classifier: Classifier) -> Service | None:
    """The service behind a classifier and its defences, if there is one."""
    inner = innermost(classifier)
    return inner.service if isinstance(inner, ServiceClassifier) else None
