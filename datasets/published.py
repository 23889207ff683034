"""Where FER2013 and the FER+ votes are published, and the md5 of the files as published."""

COMPETITION = "challenges-in-representation-learning-facial-expression-recognition-challenge"
"""Kaggle's name for the 2013 challenge; its rules must be accepted once, on its page."""

KAGGLE_FILE = "fer2013.tar.gz"
KAGGLE_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/data"

HUB_REPOSITORY = "chitradrishti/fer2013"
"""An unofficial copy on Hugging Face: the md5 of its csv tells whether it is complete."""

HUB_FILE = "fer2013.csv.zip"
HUB_PAGE = f"https://huggingface.co/datasets/{HUB_REPOSITORY}"

VOTES_PAGE = "https://github.com/microsoft/FERPlus"
VOTES_URL = "https://raw.githubusercontent.com/microsoft/FERPlus/master/fer2013new.csv"

MD5 = {
    "fer2013.csv": "f8428a1edbd21e88f42c73edd2a14f95",
    "icml_face_data.csv": "b114b9e04e6949e5fe8b6a98b3892b1d",
}
"""md5 of the csv itself, outside any archive."""

ROWS = {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589}
"""Rows per split, of both faces and votes, in file order."""

PUBLIC_TEST_MAJORITY = (1182, 865, 415, 351, 287, 24, 62, 13)
"""PublicTest rows per FER+ class by majority; there is no published md5 of the votes."""
