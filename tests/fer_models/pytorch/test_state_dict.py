"""Checkpoints of others: where weights lie, what their names begin with, which are meant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from datasets.base.errors import InputError
from fer_models.pytorch.state_dict import fill
from tests.fer_models.pytorch.nets import tiny_module


def weights(begin: str = "") -> dict[str, torch.Tensor]:
    return {f"{begin}{name}": value for name, value in tiny_module().state_dict().items()}


def other() -> dict[str, torch.Tensor]:
    """Weights of a net with other names."""
    return {f"{name}.more": value for name, value in weights().items()}


def filled(found: Any, tmp_path: Path) -> dict[str, torch.Tensor]:
    """The weights of a net that had others before."""
    torch.save(found, path := tmp_path / "net.pt")
    net = tiny_module()
    with torch.no_grad():
        for value in net.state_dict().values():
            value.zero_()
    fill(net, path)
    return dict(net.state_dict())


@pytest.mark.parametrize(
    "found",
    [
        lambda: {"ema": weights(), "epoch": 3},
        lambda: {"model": {"state_dict": weights()}, "args": {"lr": 0.1}},
        lambda: {"G": weights(), "D": other()},
        lambda: {"D": other(), "G": weights()},
        lambda: {"model": weights(), "optimizer": {"state": {0: {"exp_avg": torch.zeros(1)}}}},
        lambda: weights("module._orig_mod."),
        lambda: {"state_dict": weights("model.module.")},
        lambda: weights("a.b.c."),
        lambda: AveragedModel(tiny_module()).state_dict(),
        lambda: {"ema": {**weights("module.module."), "module.n_averaged": torch.tensor(3)}},
    ],
)
def test_weights_are_found_wherever_they_lie(found: Callable[[], Any], tmp_path: Path) -> None:
    for name, value in filled(found(), tmp_path).items():
        assert torch.equal(value, weights()[name])


@pytest.mark.parametrize(
    ("first", "second"),
    [("model", "model_ema"), ("state_dict", "state_dict_ema"), ("best.net", "last.net")],
)
def test_of_several_sets_of_weights_that_fit_none_is_chosen(
    first: str, second: str, tmp_path: Path
) -> None:
    found: dict[str, Any] = {"epoch": 3, "critic": other()}
    for place, begin in ((first, ""), (second, "module.")):
        outer, _, inner = place.partition(".")
        found[outer] = {inner: weights(begin)} if inner else weights(begin)
    message = rf'several sets of weights that fit the net, "{first}" and "{second}"\. Save the one'
    with pytest.raises(InputError, match=message):
        filled(found, tmp_path)


def test_of_sets_that_do_not_fit_the_nearest_is_compared(tmp_path: Path) -> None:
    near = {**weights("module."), "module.more": torch.zeros(1)}
    with pytest.raises(InputError, match=r"does not fit the net: the net has no more\. Name the"):
        filled({"critic": other(), "model": near}, tmp_path)


@pytest.mark.parametrize(
    ("prefix", "net"), [("model.", "state_dict.model"), ("module.net.", "state_dict.module.net")]
)
def test_weights_beside_those_of_the_net_are_left_out_in_a_line(
    prefix: str, net: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outer = prefix.partition(".")[0]
    beside = {f"{outer}_loss.weight": torch.ones(7), "auc.confmat": torch.zeros(7, 7)}
    found = filled({"state_dict": {**weights(prefix), **beside}}, tmp_path)
    assert all(torch.equal(value, weights()[name]) for name, value in found.items())
    line = f'net.pt: the weights of the net are "{net}"; not used: {outer}_loss.weight, auc.confmat'
    assert capsys.readouterr().err.strip().endswith(line)


def test_of_a_net_and_its_mean_in_one_set_none_is_chosen(tmp_path: Path) -> None:
    found = {**weights("net."), **weights("ema.module."), "ema.n_averaged": torch.tensor(3)}
    with pytest.raises(InputError, match=r'several sets .*, "net" and "ema\.module"\. Save'):
        filled(found, tmp_path)


def test_a_name_beside_those_of_the_net_under_one_prefix_is_refused(tmp_path: Path) -> None:
    found = {**weights("model."), "model.more": torch.zeros(1), "loss.weight": torch.ones(7)}
    with pytest.raises(InputError, match=r"does not fit the net: the net has no more\. Name the"):
        filled(found, tmp_path)
