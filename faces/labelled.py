"""Open labelled faces by the options of a command, with a detector where they ask for one."""

import numpy as np

from datasets.data_options import DataOptions
from datasets.default_data import data_or_default
from datasets.read import open_source
from datasets.readers.listing import Frame
from datasets.readers.pictures import FindFace
from datasets.readers.reading import Reading
from datasets.source import Source
from faces.detector import fits_detector
from faces.detectors import make_detector


def open_faces(options: DataOptions) -> Source:
    """Read all faces that the options name; `sample` or the default where they name none.

    Raises:
        InputError: a wrong option, or anything is wrong with the files.
    """
    reading = Reading.of(options, None if options.crop is None else face_finder(options.crop))
    return open_source(data_or_default(options.data), votes=options.votes or None, reading=reading)


def face_finder(name: str) -> FindFace:
    """Make a function that finds the frame of the largest face in an image.

    Args:
        name: a detector, see `faces/detectors.py`.

    Raises:
        InputError: unknown name, or its extra is not installed.
    """
    detector = make_detector(name, min_size=24)

    def find(image: np.ndarray) -> Frame | None:
        boxes = detector.detect(image) if fits_detector(image) else []
        if not boxes:
            return None
        frame = detector.frame(boxes[0])
        return Frame(frame.x, frame.y, frame.width)

    return find
