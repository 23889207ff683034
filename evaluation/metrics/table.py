"""Every metric of `results.csv`, one record each, in the order of docs/results-schema.md.

A record with a function needs nothing else to appear in results, page, `report.md` and `compare`.
"""

from evaluation.metrics import accuracy, calibration
from evaluation.metrics.metric import Better, Metric, Of, Unit

_RECORDS = (
    Metric(
        "accuracy",
        "share of images classified correctly, clean or at one severity of a corruption",
        "proportion",
        better=Better.HIGHER,
    ),
    Metric("recall", "`accuracy` within `class:NAME`", "proportion", better=Better.HIGHER),
    Metric(
        "balanced_accuracy",
        "mean recall over the classes that have images",
        "stratified draws",
        better=Better.HIGHER,
        compared=True,
        of=Of.CONFUSION,
        function=accuracy.balanced_accuracy,
    ),
    Metric(
        "macro_f1",
        "mean F1 over the classes that have images",
        "stratified draws",
        better=Better.HIGHER,
        compared=True,
        heading="Macro F1",
        of=Of.CONFUSION,
        function=accuracy.macro_f1,
    ),
    Metric("majority_share", "accuracy of always answering the most frequent class", "proportion"),
    Metric("confusion", "share of `class:NAME` predicted as the class in `detail`", "proportion"),
    Metric(
        "ece",
        "expected calibration error of the predicted class, 15 bins of equal width; noise makes it "
        "too large",
        "none",
        better=Better.LOWER,
    ),
    Metric("adaptive_ece", "`ece` with bins of equally many images", "none", better=Better.LOWER),
    Metric(
        "debiased_ece",
        "`ece` corrected for its bias (median-unbiased)",
        "inverted test",
        better=Better.LOWER,
        compared=True,
    ),
    Metric(
        "brier",
        "squared distance of the probabilities from the one-hot label, 0 to 2",
        "bootstrap",
        unit=Unit.NUMBER,
        better=Better.LOWER,
        compared=True,
        of=Of.LOGITS,
        function=calibration.brier,
    ),
    Metric(
        "nll",
        "-log of the label's probability, nats",
        "bootstrap",
        unit=Unit.NATS,
        better=Better.LOWER,
        compared=True,
        of=Of.LOGITS,
        function=calibration.negative_log_likelihood,
    ),
    Metric(
        "bin_accuracy",
        "accuracy on the images whose confidence lies in `detail`; only bins of `ece` that "
        "have images",
        "proportion",
    ),
    Metric("bin_confidence", "mean confidence of the images of `bin_accuracy`", "none"),
    Metric(
        "expected_agreement",
        "probability that an annotator who named an emotion named the predicted one",
        "bootstrap",
        better=Better.HIGHER,
        compared=True,
    ),
    Metric(
        "vote_cross_entropy",
        "cross-entropy of the probabilities to the votes, nats; at best the entropy of the votes",
        "bootstrap",
        unit=Unit.NATS,
        better=Better.LOWER,
        compared=True,
    ),
    Metric(
        "soft_ece",
        "`ece` against the share of annotators who agree, in place of right or wrong",
        "none",
        better=Better.LOWER,
    ),
    Metric(
        "robust_accuracy",
        "share of all images classified correctly when clean and on every attacked image up "
        "to `eps`",
        "proportion",
        better=Better.HIGHER,
    ),
    Metric(
        "robust_accuracy_8bit",
        "`robust_accuracy` of the worst case against an attacker whose images have 8 bits: each "
        "stored perturbation, as it is and stretched to the whole of `eps`, rounded to steps of "
        "1/255 inside the budget; an upper bound. In linf below 1/255 no 8-bit image differs from "
        "the clean one, so there it is the clean accuracy",
        "proportion",
        better=Better.HIGHER,
    ),
    Metric(
        "robust_recall", "`robust_accuracy` within `class:NAME`", "proportion", better=Better.HIGHER
    ),
    Metric(
        "best_known_accuracy",
        "`robust_accuracy` of the worst case that includes outside attacks confirmed by "
        "`evaluation.verify --into` (`perturbation` `best_known`)",
        "proportion",
        better=Better.HIGHER,
    ),
    Metric(
        "robust_accuracy_spread",
        "largest minus smallest `robust_accuracy` over the random seeds of `--seeds`, which "
        "`detail` names",
        "none",
        better=Better.LOWER,
    ),
    Metric(
        "attack_success_rate",
        "share broken by the attack, among the images correct when clean",
        "proportion",
        better=Better.LOWER,
    ),
    Metric(
        "lower_quartile_smallest_eps",
        "smallest eps by which a quarter of the images correct when clean are broken",
        "order statistics",
        unit=Unit.PIXELS,
        better=Better.HIGHER,
    ),
    Metric(
        "median_smallest_eps",
        "smallest eps by which half of the images correct when clean are broken; infinite when "
        "more than half are robust on the whole grid",
        "order statistics",
        unit=Unit.PIXELS,
        better=Better.HIGHER,
    ),
    Metric(
        "upper_quartile_smallest_eps",
        "smallest eps by which three quarters of the images correct when clean are broken",
        "order statistics",
        unit=Unit.PIXELS,
        better=Better.HIGHER,
    ),
    Metric(
        "security_curve_area",
        "mean robust accuracy from eps 0 to `eps`, by trapezoids, at most clean accuracy; "
        "`eps` is the largest of the grid and, for the worst case, also the headline eps, "
        "which ranks models",
        "bootstrap",
        better=Better.HIGHER,
        compared=True,
    ),
    Metric(
        "median_linf",
        "largest change of a pixel, median over the images broken by `eps`",
        "order statistics",
        unit=Unit.PIXELS,
    ),
    Metric(
        "median_l2",
        "Euclidean length of the change, median over the images broken by `eps`",
        "order statistics",
        unit=Unit.PIXELS,
    ),
    Metric(
        "median_l1",
        "sum of all changes, median over the images broken by `eps`",
        "order statistics",
        unit=Unit.PIXELS,
    ),
    Metric(
        "median_ssim",
        "structural similarity of the clean and the attacked face, 1 when equal (Wang et al. "
        "2004; needs 11x11 pixels), median over the images broken by `eps`",
        "order statistics",
        unit=Unit.NUMBER,
    ),
    Metric(
        "median_cam_shift",
        "`cam_shift`: how far the regions behind the prediction move, median over the images "
        "broken by `eps`",
        "order statistics",
        unit=Unit.NUMBER,
        better=Better.LOWER,
    ),
    Metric(
        "certified_accuracy",
        "share of images whose most frequent prediction under Gaussian noise (`perturbation` "
        "`smoothSIGMA`) is correct and certified up to L2 radius `eps`",
        "proportion",
        better=Better.HIGHER,
    ),
    Metric(
        "abstention",
        "share of images on which smoothing abstains; they count as not certified",
        "proportion",
        better=Better.LOWER,
    ),
    Metric(
        "flow",
        "share of the images of `class:NAME` correct when clean that the worst case turned "
        "into the class in `detail`; summed over all classes, their attack success rate",
        "proportion",
    ),
    Metric(
        "plausible_flip",
        "share of the broken images whose new prediction at least two annotators chose; the rest "
        "are implausible",
        "proportion",
    ),
    Metric(
        "implausible_success_rate",
        "share turned into an emotion that at most one annotator chose, among the images correct "
        "when clean",
        "proportion",
        better=Better.LOWER,
    ),
    Metric(
        "oracle_accuracy",
        "accuracy under FER labels of always answering the FER+ label, on images that have both",
        "proportion",
    ),
    Metric(
        "oracle_faces_accuracy",
        "accuracy under FER labels of the model on the images of `oracle_accuracy`",
        "proportion",
    ),
    Metric(
        "label_noise_share",
        (
            "of the images wrong or broken under FER labels, the share whose answer is the FER+ "
            "label: errors that label noise explains"
        ),
        "proportion",
    ),
    Metric(
        "label_gap",
        "accuracy (clean or robust) under FER+ labels minus that under FER labels, on images "
        "that have both; the worst case is over the attacks that an image met under both",
        "paired",
    ),
    Metric(
        "mean_corruption_accuracy",
        "accuracy under a corruption averaged over severities; `perturbation` `corruptions`: "
        "over all types",
        "bootstrap",
        better=Better.HIGHER,
        compared=True,
    ),
    Metric(
        "corruption_error",
        "errors under a corruption, summed over severities, divided by those of the model in "
        "`detail`; NaN, and `mce` too, where that makes none",
        "bootstrap",
        unit=Unit.RATIO,
        better=Better.LOWER,
    ),
    Metric(
        "relative_corruption_error",
        "`corruption_error` after subtracting each model's clean errors; NaN, and `relative_mce` "
        "too, where the corruption costs the model in `detail` nothing",
        "bootstrap",
        unit=Unit.RATIO,
        better=Better.LOWER,
    ),
    Metric(
        "mce",
        "mean of `corruption_error` over types, a ratio: 1 is as many errors as the baseline, "
        "which papers write as 100; NaN with the reason in `detail` when the baseline is not in "
        "the run",
        "bootstrap",
        unit=Unit.RATIO,
        better=Better.LOWER,
        compared=True,
    ),
    Metric(
        "relative_mce",
        "mean of `relative_corruption_error` over types",
        "bootstrap",
        unit=Unit.RATIO,
        better=Better.LOWER,
    ),
    Metric(
        "smallest_difference",
        "smallest accuracy difference detected with 80 % power at a level of 5 %; `detail` "
        "`paired`: between two models on these images that are ranked together and disagree on "
        "as many as such models do, at 5 % over their pairs (Holm's first step); `unpaired`: from "
        "a model on as many other images; infinite when n is too small",
        "none",
    ),
    Metric(
        "transfer_accuracy",
        "share correct on the clean image and on the one made on `source` at `eps`, the "
        "headline eps, over all images labelled for both; where `source` is the model itself, "
        "on its own images",
        "proportion",
        better=Better.HIGHER,
    ),
    Metric(
        "transfer_success_rate",
        "share wrong on the image made on `source`, among the images correct when clean",
        "proportion",
        better=Better.LOWER,
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _RECORDS}
"""Records by name: the possible values of the column `metric`."""


def metrics_of(kind: Of) -> list[Metric]:
    """Metrics whose function takes this, in order."""
    return [metric for metric in METRICS.values() if metric.of is kind]


def markdown() -> str:
    """The table of docs/results-schema.md."""
    head = "| metric | what it is | interval |\n|---|---|---|\n"
    rows = (f"| `{one.name}` | {one.meaning} | {one.interval} |\n" for one in METRICS.values())
    return head + "".join(rows)
