"""JPEG compression."""

from typing import ClassVar

import cv2
import numpy as np

from attacks.base import Keys
from attacks.corruptions.base import Corruption
from attacks.corruptions.severity import between


class Jpeg(Corruption):
    """Rounds to 8 bits, encodes as JPEG of a quality, and decodes again."""

    name: ClassVar[str] = "jpeg"
    qualities = between(at_32px=(80, 65, 58, 50, 40), at_64px=(65, 58, 50, 40, 25))

    def _corrupt(self, images: np.ndarray, severity: int, keys: Keys) -> np.ndarray:
        options = [cv2.IMWRITE_JPEG_QUALITY, round(self.qualities[severity - 1])]
        decoded = np.empty(images.shape, np.uint8)
        for i, image in enumerate(np.rint(images * 255).astype(np.uint8)):
            encoded = cv2.imencode(".jpg", image[..., ::-1], options)[1]  # OpenCV takes BGR
            pixels = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED))
            decoded[i] = pixels.reshape(image.shape)[..., ::-1]
        return decoded.astype(np.float32) / np.float32(255)
