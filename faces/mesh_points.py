"""Indices of the 468 landmarks by part of the face. Left and right are those of the image."""

LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
LEFT_BROW = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
RIGHT_BROW = (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)
NOSE = (168, 193, 417, 122, 351, 48, 278, 64, 294, 98, 327, 97, 326, 2, 1, 4, 5, 195, 197, 6)
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)

LEFT_EYE_SIX = (33, 160, 158, 133, 153, 144)
RIGHT_EYE_SIX = (362, 385, 387, 263, 373, 380)
"""Points p1 to p6: corner, two on the upper lid, other corner, two on the lower lid."""
