"""The files of a run, their columns and types: all that a report is rendered from.

A run folder holds

- `results.csv`, `results.parquet`: long form, one figure per row (`RESULT_COLUMNS`);
- `per_image/`: one row per image, model, perturbation (`PER_IMAGE_COLUMNS`), in parts
  (`evaluation/results/row_parts.py`);
- `transfer.parquet`: one row per image made on a model and model that classifies it
  (`TRANSFER_COLUMNS`);
- `comparisons.parquet`: paired tests between models (`COMPARISON_COLUMNS`);
- `gaps.parquet`: accuracies of groups of faces compared, with `--groups` (`GAP_COLUMNS`);
- `checks.parquet`: reliability checks (`CHECK_COLUMNS`);
- `gallery.npz`: the example faces that the report shows (`GALLERY_ARRAYS`);
- `disputed.npz`: faces with different FER and FER+ labels (`DISPUTED_ARRAYS`);
- `regions.npz`: where eyes, brows, nose and mouth lie on the mean face (`REGION_ARRAYS`);
- `outside/`: adversarial images of others that `evaluation.verify` confirmed (`OUTSIDE_COLUMNS`);
- `manifest.json`: configuration, data, models, costs, environment;
- `run.json`: what must match for a run to be resumed (`evaluation/stages/run_folder.py`);
- `sets/`: one folder per adversarial, corrupted or transfer set (`attacks/sets/store.py`);
- `stand_ins/`: images made on surrogates to attack all black boxes (`attacks/transfer_images.py`);
- `fingerprints.json`: the models' logits for fixed images (`evaluation/stages/fingerprints.py`);
- `service_answers.sqlite`: answers of HTTP services (`fer_models/services/answer_cache.py`);
- `answers/`: cache of logits (`evaluation/stages/logits_cache.py`);
- `certificates/`: one folder per model and sigma (`evaluation/stages/certificates.py`);
- `contracts/`: contracts that the run found for models, and what was known of each before
  (`evaluation/stages/foreign_models.py`);
- `index.html`, `report.md`: the report (`reports/page.py`).

Not here: how a figure is computed (`evaluation/figures/`, `evaluation/metrics/`).
"""

SCHEMA_VERSION = 1
WORST_CASE, BEST_KNOWN, ALL_CORRUPTIONS = "worst_case", "best_known", "corruptions"
"""In the column `perturbation`, beside `none` and the names of attacks and corruptions: all attacks
of a run, these and verified ones from outside, the mean over all corruptions."""
EVERY_ATTACK = "every_attack"
"""In the column `subset`: images that every attack of the worst case saw."""
HEADLINE_EPS = 4 / 255
NOT_APPLICABLE = "not applicable"
"""In the column `status`: the attack needs gradients, which the model does not give."""
WHITE_BOX = "white-box attack possible"
"""In column `check` of `checks.parquet`: flagged for black boxes, where R7 cannot be checked."""
ANY_BATCH = "same answer in any batch"
"""In the column `check` of `checks.parquet`: R11's check that no image changes another's logits."""
AT_THE_END = "same answer at the end of the run"
"""In the column `check`: R11's check that a model did not change during the run."""
AWAY_FROM_HEADLINE = "other eps as well attacked as the headline"
"""In the column `check`: R6's check that spares figures at the headline eps when it fails."""
FINGERPRINTS = "fingerprints.json"
"""File of a run folder: the logits of each model for fixed images, when the run began."""
RESULT_COLUMNS: dict[str, str] = {
    "model": "string",
    "label_set": "string",
    "attacked_labels": "string",
    "split": "string",
    "subset": "string",
    "perturbation": "string",
    "source": "string",
    "norm": "string",
    "eps": "float64",
    "severity": "Int64",
    "metric": "string",
    "detail": "string",
    "value": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "n": "int64",
    "seed": "int64",
    "status": "string",
}
"""Columns of `results.csv` in order, with their pandas dtypes. Strings are empty, never missing."""
PER_IMAGE_COLUMNS: dict[str, str] = {
    "row": "int64",
    "model": "string",
    "attacked_labels": "string",
    "perturbation": "string",
    "source": "string",
    "norm": "string",
    "severity": "Int64",
    "fer": "int64",
    "ferplus": "int64",
    "votes": "object",
    "leaked": "boolean",
    "label": "int64",
    "clean_prediction": "int64",
    "prediction": "int64",
    "logits": "object",
    "smallest_eps": "float64",
    "distance": "float64",
    "forward": "int64",
    "backward": "int64",
    "linf": "float64",
    "l2": "float64",
    "l1": "float64",
    "ssim": "float64",
    "cam_shift": "float64",
    "certified_radius": "float64",
    "group": "Int64",
    "smallest_eps_8bit": "float64",
    "near_leaked": "boolean",
    "subgroups": "object",
    "pixels": "Int64",
}
"""Columns of `per_image`.

`fer` and `ferplus` are labels in their own scheme, -1 for none. `label` is the attacked label in
the model's classes (-1: none, and the image was not attacked; clean and corrupted rows have -1).
`prediction` and `logits` belong to the perturbed image; for an unbroken image they are the clean
ones. `smallest_eps` is 0 where the clean image is wrong already, NaN where it is robust throughout.
`distance` is the norm of the stored perturbation, NaN where the attack did not break the image; so
are `linf`, `l2`, `l1` and `ssim`. `cam_shift` is only in the rows of the attack that the gallery
shows, `certified_radius` only in the rows of certificates (0 and prediction -1: abstained).
`smallest_eps_8bit` is that of an attacker whose images have 8 bits, infinite where none was found
(`evaluation/stages/eight_bits.py`).
"""
ADDED_COLUMNS = (
    "linf", "l2", "l1", "ssim", "cam_shift", "certified_radius", "group", "smallest_eps_8bit",
    "near_leaked", "subgroups", "pixels",
)  # fmt: skip
"""Columns that runs of earlier versions lack; there they are read as missing."""
TRANSFER_COLUMNS: dict[str, str] = {
    "row": "int64",
    "source": "string",
    "model": "string",
    "attacked_labels": "string",
    "perturbation": "string",
    "norm": "string",
    "eps": "float64",
    "label": "int64",
    "clean_prediction": "int64",
    "prediction": "int64",
}
"""Columns of `transfer.parquet`: predictions of `model` for images made on `source`.

Labels and predictions are in the classes of `model`; images without a label for it are left out.
"""
OUTSIDE_COLUMNS: dict[str, str] = {
    "row": "int64",
    "model": "string",
    "attacked_labels": "string",
    "norm": "string",
    "size": "float64",
}
"""Columns of `outside/*.parquet`: confirmed images and the norm of their perturbations."""
UNMOVED = "every seed breaks the same faces at the same eps"
"""How `detail` of `robust_accuracy_spread` begins where no random draw changed anything."""
SEEDS = "seeds.parquet"
SEED_COLUMNS: dict[str, str] = {
    "seed": "int64",
    "row": "int64",
    "model": "string",
    "attacked_labels": "string",
    "perturbation": "string",
    "source": "string",
    "norm": "string",
    "smallest_eps": "float64",
}
"""Columns of `seeds.parquet`: attacks with further seeds, values as in `per_image`."""
COMPARISON_COLUMNS: dict[str, str] = {
    "model_a": "string",
    "model_b": "string",
    "label_set": "string",
    "perturbation": "string",
    "norm": "string",
    "eps": "float64",
    "n": "int64",
    "only_a_right": "int64",
    "only_b_right": "int64",
    "difference": "float64",
    "p_value": "float64",
    "p_holm": "float64",
    "distinguishable": "boolean",
}
"""Columns of `comparisons.parquet`: exact McNemar on the same images, of which those with the same
pixels keep one sign, and Holm over the pairs that are ranked together (others: no `p_holm`)."""
LEAST_FACES, FEW_FACES = 10, 30
"""Groups of fewer faces are not shown; those of less than the second number with a warning."""
GAPS = "gaps.parquet"
GAP_COLUMNS: dict[str, str] = {
    "model": "string",
    "label_set": "string",
    "subset": "string",
    "others": "string",
    "perturbation": "string",
    "norm": "string",
    "eps": "float64",
    "value": "float64",
    "n": "int64",
    "others_value": "float64",
    "others_n": "int64",
    "gap": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "p_value": "float64",
    "p_holm": "float64",
    "distinguishable": "boolean",
    "smallest_gap": "float64",
}
"""Columns of `gaps.parquet`: accuracy of a group of faces (`subset`) minus that of the faces with
another value of the same attribute (`others`), clean (eps 0) and in the worst case at the headline
eps. Fisher's exact test, Holm over all groups of a model. `smallest_gap`: what this many faces find
with 80 % power at the level of Holm's first step, infinite for none. Only in runs with `--groups`.
"""
CHECK_COLUMNS: dict[str, str] = {
    "model": "string",
    "attacked_labels": "string",
    "perturbation": "string",
    "rule": "string",
    "check": "string",
    "status": "string",
    "value": "float64",
    "threshold": "float64",
    "message": "string",
}
"""Columns of `checks.parquet`. status: ok, flagged or error; rule: R1 to R26."""
GALLERY_ARRAYS: dict[str, str] = {
    "row": "int64 (G,)",
    "model": "str (G,)",
    "attacked_labels": "str (G,)",
    "perturbation": "str (G,)",
    "norm": "str (G,)",
    "eps": "float64 (G,), smallest eps that broke the image",
    "label": "str (G,), name of the attacked label in the model's classes",
    "clean": "uint8 (G, H, W, C)",
    "attacked": "float32 (G, H, W, C) in [0, 1]",
    "classes": "str (G, Kmax), empty beyond the model's K",
    "clean_probabilities": "float32 (G, Kmax), NaN beyond the model's K; of a model that tells "
    "labels only, 1 for the answer and NaN",
    "attacked_probabilities": "float32 (G, Kmax), likewise",
    "survives_8bit": "bool (G,), still wrong after rounding to 8 bits within eps",
    "clean_cam": "uint8 (G, H, W), Grad-CAM of the clean answer, 255 at its peak; 0 without maps",
    "attacked_cam": "uint8 (G, H, W), of the attacked answer",
}
"""Arrays of `gallery.npz`: G examples. Runs of earlier versions lack the last two."""
DISPUTED_ARRAYS: dict[str, str] = {
    "row": "int64 (D,)",
    "image": "uint8 (D, H, W, C)",
}
"""Arrays of `disputed.npz`: D faces whose FER label is not their FER+ label."""
REGION_ARRAYS: dict[str, str] = {
    "mean_face": "uint8 (H, W, C)",
    "region": "uint8 (H, W), index in `name` of the region most faces have there",
    "name": "str (R,), regions of a face; none in a run without attacks on regions",
    "share": "float64 (R,), of the pixels, over all faces",
}
"""Arrays of `regions.npz`: the mean of the faces that attacks on one region see."""
