"""Attack the faces in photographs, in place."""
