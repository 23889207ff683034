"""Where FER2013 and the FER+ votes are published, and the md5 of the files as published."""

COMPETITION = "challenges-in-representation-learning-facial-expression-recognition-challenge"
"""Kaggle's name of the 2013 challenge; its rules are to be accepted once, on its page."""

KAGGLE_FILE = "fer2013.tar.gz"
KAGGLE_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/data"

HUB_REPOSITORY = "chitradrishti/fer2013"
"""A copy on Hugging Face, no official one: the md5 of the csv inside tells whether it is whole."""

HUB_FILE = "fer2013.csv.zip"
HUB_PAGE = f"https://huggingface.co/datasets/{HUB_REPOSITORY}"

VOTES_PAGE = "https://github.com/microsoft/FERPlus"
VOTES_URL = "https://raw.githubusercontent.com/microsoft/FERPlus/master/fer2013new.csv"

MD5 = {
    "fer2013.csv": "f8428a1edbd21e88f42c73edd2a14f95",
    "icml_face_data.csv": "b114b9e04e6949e5fe8b6a98b3892b1d",
}
"""Of the csv itself, outside any archive."""

ROWS = {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589}
"""Rows a split, of the faces and of the votes, in the order of the files."""

PUBLIC_TEST_MAJORITY = (1182, 865, 415, 351, 287, 24, 62, 13)
"""PublicTest rows of each FER+ class by the majority rule: no md5 of the votes is published."""
