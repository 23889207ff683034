"""The table of all operators of ONNX that are translated; each file of this folder has its part."""

from fer_models.pytorch.onnx.activations import ACTIVATIONS
from fer_models.pytorch.onnx.arithmetic import ARITHMETIC
from fer_models.pytorch.onnx.constants import CONSTANTS
from fer_models.pytorch.onnx.convolutions import CONVOLUTIONS
from fer_models.pytorch.onnx.normalisation import NORMALISATIONS
from fer_models.pytorch.onnx.operator import Operator
from fer_models.pytorch.onnx.pooling import POOLINGS
from fer_models.pytorch.onnx.quantisation import QUANTISATION
from fer_models.pytorch.onnx.reductions import REDUCTIONS
from fer_models.pytorch.onnx.resizing import RESIZING
from fer_models.pytorch.onnx.shapes import SHAPES

OPERATORS: dict[str, Operator] = {
    **ACTIVATIONS,
    **ARITHMETIC,
    **CONSTANTS,
    **CONVOLUTIONS,
    **NORMALISATIONS,
    **POOLINGS,
    **QUANTISATION,
    **REDUCTIONS,
    **RESIZING,
    **SHAPES,
}
"""Operators of the standard domain by name."""
