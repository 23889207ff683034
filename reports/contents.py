"""What the report consists of: its parts in reading order, each with the section it belongs to.

The page fills its template with them (`reports/page.py`); `reports.tables` and `reports.figures`
take single tables and charts out of them.
"""

from collections.abc import Callable
from typing import NamedTuple

from evaluation.results.run import FinishedRun
from evaluation.results.select import Headline
from reports.sections.attack_matrices import attack_matrix_charts, transfer_charts
from reports.sections.calibration import calibration_charts, calibration_summary
from reports.sections.certification import certified_charts
from reports.sections.classes import confusion_charts, flow_charts
from reports.sections.corruptions import corruption_charts, corruption_summary
from reports.sections.costs import cost_summary, costs
from reports.sections.curves import curve_charts, scatter_chart
from reports.sections.disputed_faces import disputed_faces
from reports.sections.eight_bits import eight_bit_table
from reports.sections.gallery import examples
from reports.sections.label_noise import label_noise_charts
from reports.sections.label_sets import label_set_chart
from reports.sections.leaderboard import leaderboard
from reports.sections.perturbation_sizes import perturbation_sizes
from reports.sections.region_map import region_maps
from reports.sections.reliability import reliability
from reports.sections.threat_model import threat_model
from reports.sections.verdict import verdicts
from reports.subgroups import subgroup_panel


class Part(NamedTuple):
    """A part of the report that takes time to make.

    Attributes:
        name: what the template calls it.
        section: id of its section on the page, as in the link `#leaderboard`.
        make: makes it.
    """

    name: str
    section: str
    make: Callable[[], object]


def parts(run: FinishedRun, top: Headline | None) -> list[Part]:
    """All parts of the report of a run, in reading order."""
    return [
        Part("verdicts", "verdict", lambda: verdicts(run, top)),
        Part("leaderboard", "leaderboard", lambda: leaderboard(run, top)),
        Part("threats", "threat", lambda: threat_model(run, top)),
        Part("curves", "curves", lambda: curve_charts(run)),
        Part("scatter", "curves", lambda: scatter_chart(run, top) if top else None),
        Part("attack_matrices", "who-breaks", lambda: attack_matrix_charts(run, top)),
        Part("eight_bits", "who-breaks", lambda: eight_bit_table(run)),
        Part("transfers", "who-breaks", lambda: transfer_charts(run)),
        Part("certified", "certified", lambda: certified_charts(run)),
        Part("subgroups", "groups", lambda: subgroup_panel(run, top)),
        Part("label_sets", "labels-section", lambda: label_set_chart(run, top)),
        Part("disputed", "labels-section", lambda: disputed_faces(run, top)),
        Part("label_noise", "noise", lambda: label_noise_charts(run, top)),
        Part("confusions", "confusion", lambda: confusion_charts(run, top)),
        Part("flows", "flows", lambda: flow_charts(run, top)),
        Part("gallery", "gallery", lambda: examples(run)),
        Part("regions", "regions", lambda: region_maps(run, top)),
        Part("sizes", "gallery", lambda: perturbation_sizes(run, top)),
        Part("corruptions", "corruptions", lambda: corruption_charts(run)),
        Part("corruption_summary", "corruptions", lambda: corruption_summary(run)),
        Part("calibrations", "calibration", lambda: calibration_charts(run, top)),
        Part("calibration_summary", "calibration", lambda: calibration_summary(run, top)),
        Part("reliability", "reliability", lambda: reliability(run)),
        Part("cost_summary", "costs", lambda: cost_summary(run)),
        Part("costs", "costs", lambda: costs(run)),
    ]
