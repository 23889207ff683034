"""Speech: the words of a clip, their emotions, and the face that was seen meanwhile."""
