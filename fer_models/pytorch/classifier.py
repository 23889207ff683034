"""A PyTorch module behind its contract, as a Classifier: `wrap_torch(module, contract)`."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from datasets.base.errors import words_of
from fer_models.classifier import ModelError, Pullback, exits_refused
from fer_models.contract import Contract, Output
from fer_models.net_classifier import LayerGradients, NetClassifier
from fer_models.pytorch.eval_mode import eval_mode
from fer_models.pytorch.layers import map_sizes, output_kept
from fer_models.pytorch.pixels import fit_to_contract, in_rows
from fer_models.pytorch.softmax import Ending, ending
from fer_models.pytorch.weights import example_weight, hash_of_weights

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
"""A GPU would round float32 to 10 bits; which images break depends on the fifth digit."""
warnings.filterwarnings("ignore", ".*an autograd kernel was not registered", UserWarning)
"""Of quantised operators: whether a gradient is left is looked at when a model is loaded."""


class TorchClassifier(NetClassifier):
    """A PyTorch module behind its contract; it computes on the device of the module's weights.

    The module is called in evaluation mode and has its own mode again afterwards; the gradients of
    its weights are not touched.

    Attributes:
        module: takes (N, C, height, width) scaled as the contract says, returns (N, K).
        columns: column of each class among its outputs; all, in their order, when None.
    """

    detached_by = "leaves PyTorch by no_grad or detach"

    def __init__(
        self,
        module: torch.nn.Module,
        contract: Contract,
        model_id: str,
        weights_sha256: str,
        *,
        columns: Sequence[int] | None = None,
        stops_before_softmax: bool = False,
    ) -> None:
        """Take a module.

        Args:
            module: see the class.
            contract: see the class.
            model_id: name in results and reports.
            weights_sha256: identity of the weights.
            columns: column of each class among the outputs; all, in their order, when None.
            stops_before_softmax: logits are what the softmax that ends the module is given.
        """
        self.module = module
        self.contract, self.face_side = contract, contract.height
        self.id = model_id
        self.scheme = contract.scheme
        self.weights_sha256 = weights_sha256
        self.columns = columns and list(columns)
        self._stops_before_softmax = stops_before_softmax

    def attacked_logits(self, images: np.ndarray) -> np.ndarray:
        """Logits float32 (N, K)."""
        with torch.no_grad(), self._in_use():
            return _array(self._logits(self._tensor(images)))

    def pullback(self, images: np.ndarray) -> Pullback:
        """See `DifferentiableClassifier.pullback`: one pass forward, one back for each `pull`."""
        pixels = self._tensor(images).requires_grad_()
        with torch.enable_grad(), self._in_use():
            logits = self._logits(pixels)

        def pull(cotangent: np.ndarray) -> np.ndarray:
            if not logits.requires_grad:  # a constant model: counted as zero gradients
                return np.zeros_like(images)
            upstream = self._tensor(cotangent).to(logits.dtype)
            with self._in_use():  # some modules compute steps again on the way back
                (gradient,) = torch.autograd.grad(
                    logits, pixels, upstream, retain_graph=True, allow_unused=True
                )
            return np.zeros_like(images) if gradient is None else _array(gradient)

        return Pullback(_array(logits), pull)

    def count_parameters(self) -> int:
        """See `NetClassifier.count_parameters`."""
        return sum(each.numel() for each in self.module.parameters())

    def count_multiply_adds(self) -> int | None:
        """See `NetClassifier.count_multiply_adds`; None for kernels that PyTorch does not know."""
        contract = self.contract
        black = np.zeros((1, contract.height, contract.width, contract.channels), np.float32)
        with torch.no_grad(), self._in_use():
            inputs = self._inputs(self._tensor(black), contract)
            with FlopCounterMode(display=False) as counter:
                self.module(inputs)
        return counter.get_total_flops() // 2 or None

    def outputs(self, images: np.ndarray, contract: Contract) -> np.ndarray:
        """See `NetClassifier.outputs`."""
        with torch.no_grad(), self._in_use():
            outputs = self.module(self._inputs(self._tensor(images), contract))
        return _array(self._of_classes(outputs))

    def outputs_as_given(self, images: np.ndarray) -> np.ndarray:
        """See `NetClassifier.outputs_as_given`."""
        buffers = [(each, each.clone()) for each in self.module.buffers()]
        with torch.no_grad(), exits_refused(self.id):
            outputs = self.module(self._inputs(self._tensor(images), self.contract))
            answers = _array(self._of_classes(outputs))
            for buffer, value in buffers:
                buffer.copy_(value)
        return answers

    def map_sizes(self) -> dict[str, tuple[int, int]]:
        """See `NetClassifier.map_sizes`; names are those of `named_modules`, such as `layer4.1`.

        A graph has numbered steps in their place, such as `conv2d_4`.
        """
        contract = self.contract
        black = np.zeros((2, contract.height, contract.width, contract.channels), np.float32)
        with torch.no_grad(), self._in_use():
            return map_sizes(self.module, self._inputs(self._tensor(black), contract))

    def layer_maps(self, images: np.ndarray, layer: str) -> np.ndarray:
        """See `NetClassifier.layer_maps`."""
        with torch.no_grad(), self._in_use(), output_kept(self.module, layer) as kept:
            self._logits(self._tensor(images))
        return _array(kept[-1].permute(0, 2, 3, 1))

    def layer_gradients(
        self, images: np.ndarray, classes: np.ndarray, layer: str
    ) -> LayerGradients:
        """See `NetClassifier.layer_gradients`."""
        with torch.enable_grad(), self._in_use():
            with output_kept(self.module, layer) as kept:
                logits = self._logits(self._tensor(images))
            chosen = logits[torch.arange(len(images)), self._tensor(classes)].sum()
            (gradient,) = torch.autograd.grad(chosen, kept[-1])
        maps = (_array(each.permute(0, 2, 3, 1)) for each in (kept[-1], gradient))
        return LayerGradients(*maps)

    def _batch_logits(self, images: np.ndarray) -> np.ndarray:
        return self.attacked_logits(images)

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """While it is open, the module is in evaluation mode, and a `sys.exit` in it an error."""
        with exits_refused(self.id), eval_mode(self.module):
            yield

    def _tensor(self, images: np.ndarray) -> torch.Tensor:
        """A copy, whatever way the images lie in memory: PyTorch takes no negative strides."""
        return torch.from_numpy(images.copy()).to(example_weight(self.module).device)

    def _inputs(self, pixels: torch.Tensor, contract: Contract) -> torch.Tensor:
        """What the module is fed for images (N, H, W, C) in [0, 1]."""
        inputs = fit_to_contract(pixels.permute(0, 3, 1, 2), contract)
        return in_rows(inputs.to(example_weight(self.module).dtype))

    def _logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits float32 (N, K) of images (N, H, W, C) in [0, 1]."""
        return self._of_classes(self._all_logits(pixels))

    def _of_classes(self, outputs: torch.Tensor) -> torch.Tensor:
        """The column of each class."""
        return outputs if self.columns is None else outputs[:, self.columns]

    def _all_logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits of all columns, float32."""
        inputs = self._inputs(pixels, self.contract)
        if self._stops_before_softmax:
            logits = ending(self.module, inputs).given
            if logits is None:
                raise ModelError(f"{self.id} must end in a softmax for every image; one lacked it.")
            return logits.float()
        outputs = self.module(inputs).float()
        if self.contract.output is Output.PROBABILITIES:
            return outputs.clamp(min=1e-30).log()
        return outputs


def wrap_torch(
    module: torch.nn.Module,
    contract: Contract,
    *,
    model_id: str | None = None,
    weights_sha256: str | None = None,
    columns: Sequence[int] | None = None,
) -> TorchClassifier:
    """Make a Classifier of a PyTorch module; a softmax that is found as its last step is left out.

    The module is tried on two black images, a softmax on random ones too.

    Args:
        module: takes (N, channels, height, width) scaled to [low, high], returns (N, K).
        contract: what its pixels and outputs mean.
        model_id: name in results and reports; the module's class when None.
        weights_sha256: identity of the weights; hashed from module and contract when None.
        columns: column of each class among the outputs; all, in their order, when None.

    Raises:
        ModelError: the module fails on the two images.
        ValueError: the module's outputs are not (N, K) with the contract's K.
    """
    model_id = model_id or type(module).__name__
    example = example_weight(module)
    size = (2, contract.channels, contract.height, contract.width)
    black, random = (
        fit_to_contract(each.to(example.device), contract).to(example.dtype)
        for each in (
            torch.zeros(size),
            torch.rand(size, generator=torch.Generator().manual_seed(0)),
        )
    )
    outputs, given = _tried(model_id, module, black)
    shape, classes = tuple(getattr(outputs, "shape", ())), contract.scheme.num_classes
    least = classes if columns is None else max(columns) + 1
    wider = len(shape) == 2 and shape[1] > least and columns is not None
    if shape != (2, least) and not (wider and shape[0] == 2):
        raise ValueError(
            f"{model_id}: the contract names {classes} classes, so outputs must be "
            f"(N, {classes}). Received: {shape or type(outputs).__name__} for N = 2"
        )
    stops = (
        contract.output is Output.PROBABILITIES
        and given is not None
        and _is_softmax(Ending(outputs, given))
        and _is_softmax(_tried(model_id, module, random))
    )
    contract = replace(contract, output=Output.LOGITS) if stops else contract
    return TorchClassifier(
        module,
        contract,
        model_id,
        weights_sha256 or _identity(module, contract, columns),
        columns=columns,
        stops_before_softmax=stops,
    )


def _tried(model: str, module: torch.nn.Module, images: torch.Tensor) -> Ending:
    """What a module answers to a batch; it may change the batch.

    Raises:
        ModelError: it fails.
    """
    try:
        with torch.no_grad(), eval_mode(module):
            return ending(module, in_rows(images))
    except (Exception, SystemExit) as error:  # whatever the code of others does
        raise ModelError(
            f"{model} must take images {tuple(images.shape)}; on black or random ones it fails: "
            f"{words_of(error)}. Correct its contract or export it for any N."
        ) from error


def _is_softmax(found: Ending) -> bool:
    """Whether a module answers the softmax over classes of what its last step was given."""
    given, answer = found.given, found.answer
    if given is None:
        return False
    softmax = given.float().softmax(1)  # in another number format than the answer's
    return bool(torch.allclose(softmax, answer.float(), atol=1e-3))


def _array(tensor: torch.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().float().cpu().numpy()
    return array


def _identity(module: torch.nn.Module, contract: Contract, columns: Sequence[int] | None) -> str:
    """Hash of the weights, of what they are weights of, and of how pixels and answers are read."""
    return hash_of_weights(module, (contract, columns and list(columns), module))
