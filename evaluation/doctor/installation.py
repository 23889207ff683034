"""Checks of what is installed: Python, packages in the required versions, extras."""

import platform
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from evaluation.doctor.finding import Finding, State
from evaluation.environment import installed_version

NAME = "deadpan"
_SHOWN = ("tensorflow", "keras", "numpy")
_FOR_DEVELOPERS = ("dev", "bench")
_SAME_NAME = "datasets"


def check_installation() -> list[Finding]:
    """Check Python, packages, extras, and the one package that conflicts with ours."""
    try:
        ours = distribution(NAME)
    except PackageNotFoundError:
        fix = "in the folder of Deadpan: pip install -e ."
        return [Finding(State.WRONG, "deadpan", "not installed", fix)]
    return [
        _python(ours.metadata["Requires-Python"] or ""),
        *_packages(ours),
        _extras(ours),
        *_namesake(),
    ]


def _python(wanted: str) -> Finding:
    found = platform.python_version()
    if SpecifierSet(wanted).contains(found, prereleases=True):
        return Finding(State.OK, "python", found)
    return Finding(State.WRONG, "python", f"{found}, not {wanted}", f"use Python {wanted}")


def _packages(ours: Distribution) -> list[Finding]:
    """One line for all that fit, and one for each that does not."""
    needed = [one for one in _requirements(ours) if one.marker is None or one.marker.evaluate()]
    wrong = [finding for one in needed if (finding := _misfit(one))]
    shown = ", ".join(f"{name} {found}" for name in _SHOWN if (found := installed_version(name)))
    what = f"{NAME} {ours.version}, {shown}; {len(needed) - len(wrong)} of {len(needed)} fit"
    return [Finding(State.OK, "packages", what), *wrong]


def _misfit(requirement: Requirement) -> Finding | None:
    found = installed_version(requirement.name)
    if found and requirement.specifier.contains(found, prereleases=True):
        return None
    wanted = f"{requirement.name}{requirement.specifier}"
    what = f"{requirement.name} {found or 'missing'}, wanted {requirement.specifier or 'any'}"
    return Finding(State.WRONG, "package", what, f'pip install "{wanted}"')


def _extras(ours: Distribution) -> Finding:
    extras = ours.metadata.get_all("Provides-Extra") or []
    have: list[str] = []
    missing: list[str] = []
    for extra in extras:
        if extra in _FOR_DEVELOPERS:
            continue
        needed = [one for one in _requirements(ours) if _only_for(one, extra)]
        whole = all(installed_version(one.name) for one in needed)
        (have if whole else missing).append(extra)
    what = f"installed: {', '.join(have) or 'none'}; not installed: {', '.join(missing) or 'none'}"
    if not missing:
        return Finding(State.OK, "extras", what)
    return Finding(State.NOTE, "extras", what, f'if wanted: pip install -e ".[{missing[0]}]"')


def _namesake() -> list[Finding]:
    """Hugging Face's `datasets` has the same name as one of our packages; Python finds only one."""
    found = installed_version(_SAME_NAME)
    if not found:
        return []
    what = f"Hugging Face's {_SAME_NAME} {found} has the name of one of Deadpan's packages"
    fix = f"pip uninstall {_SAME_NAME}, or a virtual environment for each"
    return [Finding(State.WRONG, "package", what, fix)]


def _requirements(ours: Distribution) -> list[Requirement]:
    return [Requirement(line) for line in ours.requires or []]


def _only_for(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate()
