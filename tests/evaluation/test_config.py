"""Options and tiers: what a run is made of, and what is refused."""

from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from attacks.corruptions.base import SEVERITIES
from attacks.registry import ATTACKS, CORRUPTIONS, attack_spec
from attacks.threat_model import Norm
from datasets.base.errors import InputError
from datasets.base.options import as_command, parse_choice
from datasets.faceset import Split
from datasets.labels import LabelSet
from evaluation.api import evaluate
from evaluation.config import RunConfig
from evaluation.configure import configure
from evaluation.request import RunRequest
from evaluation.results.select import headline_eps
from evaluation.run import CommandRequest, main
from evaluation.tiers import TIER_FILES, Tier, TierSettings, read_tier


def smoke(**changes: Any) -> RunConfig:
    """The configuration of a smoke run of one model with some other options."""
    options = {"models": "simple_cnn.fer", **changes}
    return configure(RunRequest(**options), Split.PUBLIC_TEST, list(LabelSet))


def test_the_smoke_tier_is_that_of_the_design() -> None:
    config = smoke()
    assert config.limit == 200
    assert config.eps == (1 / 255, 2 / 255, 4 / 255)
    white_box = [a.name for a in config.attacks if not (a.black_boxes_only or a.labels_only)]
    assert white_box == ["noise", "fgsm", "pgd"]
    assert config.attacks[2].options == {"steps": 20}
    for_black_boxes = {attack.name: attack for attack in config.attacks[3:]}
    assert list(for_black_boxes) == ["transfer", "square", "hop_skip_jump"]
    assert for_black_boxes["square"].options == {"queries": 100}
    by_labels = for_black_boxes["hop_skip_jump"]
    assert by_labels.labels_only and by_labels.options["budget"] == 1000
    assert (
        for_black_boxes["square"].limit is None
    )  # an upper bound over faces that were all searched
    assert config.transfer is not None and config.transfer.limit == 60
    assert len(config.corruptions) == 5
    assert len(config.severities) == 3


@pytest.mark.parametrize("tier", list(Tier))
def test_tiers_name_what_is_registered(tier: Tier) -> None:
    settings = read_tier(TIER_FILES / f"{tier}.toml")
    assert set(settings.corruptions) <= set(CORRUPTIONS)
    for attack in settings.attacks:
        assert attack.name in ATTACKS
        attack_spec(attack.name, Norm.LINF, [0.1], "fer", **attack.options)
    assert (settings.transfer is None) == (tier is Tier.QUICK)
    if settings.transfer:
        attack_spec(settings.transfer.name, Norm.LINF, [0.1], "fer", **settings.transfer.options)
    names = [attack.name for attack in settings.attacks]
    assert len(set(names)) == len(names)
    assert not all(ATTACKS[name].needs_gradients or name == "noise" for name in names)


@pytest.mark.parametrize("tier", [Tier.STANDARD, Tier.FULL])
def test_larger_tiers_corrupt_in_every_way_at_every_severity(tier: Tier) -> None:
    settings = read_tier(TIER_FILES / f"{tier}.toml")
    assert set(settings.corruptions) == set(CORRUPTIONS)
    assert settings.severities == SEVERITIES
    assert {"0.5/255", "1/255", "2/255", "4/255", "8/255"} <= set(settings.eps[Norm.LINF])


def test_the_standard_tier_spends_its_most_expensive_attacks_on_the_verdict() -> None:
    config = smoke(tier=Tier.STANDARD)
    along_the_curve = {name for name, grid in config.grids.items() if grid == config.eps}
    assert along_the_curve == {
        "noise",
        "fgsm",
        "apgd_chosen",
        "fmn",
        "transfer",
        "hop_skip_jump",
        "worst_case",
    }
    assert {config.grids[name] for name in config.grids.keys() - along_the_curve} == {(4 / 255,)}
    under_l1 = smoke(tier=Tier.STANDARD, norm=Norm.L1)  # which nothing minimal knows
    assert set(under_l1.grids.values()) == {under_l1.eps}
    only = smoke(tier=Tier.STANDARD, eps="0")
    assert set(only.grids.values()) == {(0.0,)}


def test_users_options_win() -> None:
    config = smoke(eps="4/255,1/255,4/255", limit=7, labels="ferplus", seed=5)
    assert config.eps == (1 / 255, 4 / 255)
    assert config.limit == 7
    assert config.labels == (LabelSet.FERPLUS,)
    assert smoke(limit=0).limit is None


def test_the_configuration_is_frozen_and_comes_back_from_json() -> None:
    config = smoke()
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 1
    assert config.to_json()["eps"] == ["1/255", "2/255", "4/255"]
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"eps": "8/255,x"}, "`eps` must be a number"),
        ({"eps": "-1/255"}, "not negative"),
        ({"eps": "4/255,0.0156862745"}, "`eps` values must differ; 0.01568.* and 0.01568"),
        ({"eps": "0,1e-9"}, "`eps` values must differ; 0.0 and 1e-09"),
        ({"labels": "ferr"}, "got 'ferr'"),
        ({"labels": ","}, "fer, ferplus or both"),
        ({"norm": Norm.L1}, "no eps grid for norm l1. Take --tier standard"),
        ({"limit": -3}, "--limit must be a whole number from 0 .*; got -3"),
        ({"limit": 2.5}, "--limit must be a whole number"),
        ({"limit": True}, "--limit must be a whole number .*; got True"),
        ({"limit": "4"}, "--limit must be a whole number .*; got '4'"),
        ({"seed": -1}, "--seed must be a whole number from 0 .*; got -1"),
        ({"limit": False}, "--limit must be a whole number .*; got False"),
        ({"faces": 0}, "--faces must be a whole number from 1 .*; got 0"),
        ({"seeds": 0}, "--seeds must be a whole number from 1 .*; got 0"),
        ({"seeds": 1.5}, "--seeds must be a whole number"),
        ({"seed": 2**63}, "--seed must be a whole number from 0 to"),
    ],
)
def test_wrong_options_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        smoke(**change)


def test_closed_choices() -> None:
    assert parse_choice(LabelSet, "fer", "--labels") is LabelSet.FER
    with pytest.raises(InputError, match="--labels must be fer, ferplus; got 'big'"):
        parse_choice(LabelSet, "big", "--labels")
    words = "--tier must be quick, smoke, standard, full or a TOML file; got 'big'"
    with pytest.raises(InputError, match=words):
        smoke(tier="big")


MINE = """
limit = 40
severities = [5, 1]
corruptions = ["fog"]
[eps]
linf = ["2/255", "4/255"]
l2 = ["0.5"]
[[attacks]]
name = "apgd"
steps = 7
limit = 20
"""


def test_a_users_file_is_a_tier(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE, "utf-8-sig")  # a BOM, as editors of Windows write
    config = smoke(tier=str(tmp_path / "mine.toml"))
    assert (config.tier, config.limit, config.severities) == ("mine.toml", 40, (1, 5))
    assert config.eps == (2 / 255, 4 / 255)
    (attack,) = config.attacks
    assert (attack.name, attack.limit, attack.options) == ("apgd", 20, {"steps": 7})
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("limit = 40", "limit = true", "mine.toml: limit: .*valid integer; got True"),
        ("limit = 20", "limit = true", r"mine.toml: attacks.0.limit: .*valid integer; got True"),
        ('"apgd"', '"apgdd"', "mine.toml: no attack 'apgdd'"),
        ("steps = 7", "step = 7", r"mine.toml: .*apgd.*step"),
        ("steps = 7", "steps = 0", "mine.toml: `steps` must be at least 1; got 0"),
        ("steps = 7", 'steps = "many"', "mine.toml: `steps` must be a whole number; got many"),
        ("steps = 7", "steps = 7.5", "mine.toml: `steps` must be a whole number; got 7.5"),
        ("steps = 7", 'loss = "dlrr"', "mine.toml: `loss` must be .*'dlr'.*; got dlrr"),
        ('"fog"', '"smog"', "mine.toml: no corruption 'smog'"),
        ('"fog"', '"fog", "fog"', "corruptions: fog is named twice"),
        ("[5, 1]", "[6]", r"mine.toml: severities.0: .*less than or equal to 5; got 6"),
        ("[5, 1]", "[5, 0]", r"mine.toml: severities.1: .*greater than or equal to 1; got 0\.$"),
        ("[5, 1]", "[5, true]", r"mine.toml: severities.1: .*valid integer; got True"),
        ("[5, 1]", "[]", "mine.toml: severities must contain at least one"),
        ('"4/255"', '"4/0"', "mine.toml: `eps` must be"),
        ('"2/255", "4/255"', "", "mine.toml: eps.linf: .*at least 1 item"),
        ('["0.5"]', '"0.5"', "mine.toml: eps.l2: it must be a list in square brackets; got '0.5'"),
        (
            "limit = 20",
            '[transfer]\nname = "pgd"\nlabels_only = true',
            "mine.toml: transfer: labels_only is for attacks; .* Leave it out",
        ),
        ('"0.5"', '"-1"', "mine.toml: .*not negative"),
        ("l2 =", "l3 =", "mine.toml: eps.l3"),
        ("limit = 40", "seed = 3", "mine.toml: seed is not part of a tier. Give it as --seed"),
    ],
)
def test_wrong_tiers_of_users_are_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in MINE
    (tmp_path / "mine.toml").write_text(MINE.replace(old, new))
    with pytest.raises(InputError, match=words):
        smoke(tier=str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limit = ", "expected TOML"),
        pytest.param("limit = " + "[" * 100_000, "found maximum recursion", id="brackets"),
        pytest.param("limit = " + "9" * 5000, "expected TOML, found Exceeds", id="digits"),
        ("limit = 3", "severities: missing"),
        ("limit = 0\nseverities = [1]\ncorruptions = []\nattacks = []\n[eps]", "limit: .*; got 0"),
        ("speed = 1", "speed: no such field|severities"),
    ],
)
def test_damaged_tiers_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        read_tier(tmp_path / "mine.toml")
    with pytest.raises(InputError, match="No such file"):
        read_tier(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("grid", "norm", "eps"),
    [
        ((1 / 255, 4 / 255, 8 / 255), "linf", 4 / 255),
        ((0.0, 1 / 255, 2 / 255), "linf", 2 / 255),
        ((8 / 255, 16 / 255), "linf", 8 / 255),
        ((0.25, 0.5, 1.0), "l2", 1.0),
        ((0.0,), "linf", 0.0),
    ],
)
def test_the_headline_is_4_255_or_the_nearest_below(
    grid: tuple[float, ...], norm: str, eps: float
) -> None:
    assert headline_eps(grid, norm) == eps


def option_helps() -> dict[str, str]:
    """Help of every option of the command, by its name."""
    parameters = signature(as_command(CommandRequest, main)).parameters
    return {name: p.annotation.__metadata__[0].help or "" for name, p in parameters.items()}


def test_options_that_default_to_the_tier_are_fields_of_its_settings() -> None:
    of_tier = {name for name, text in option_helps().items() if "Default: the tier's." in text}
    assert of_tier == {"eps", "limit", "certify"}
    assert {"eps", "limit", "certification"} <= set(TierSettings.model_fields)


def test_every_option_has_help_that_is_a_sentence() -> None:
    assert {name for name, text in option_helps().items() if not text.endswith(".")} == set()


def test_the_function_has_the_options_of_the_command() -> None:
    of_function = set(signature(evaluate).parameters)
    assert set(option_helps()) - of_function == {"fail_under", "junit", "track", "verbose"}
    assert of_function - set(option_helps()) == {"contract"}  # of nets that Python holds
    assert "seed: Random seed." in (evaluate.__doc__ or "")
