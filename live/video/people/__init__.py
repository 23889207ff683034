"""Who is who: names of the faces of a clip, from photographs that the user gives."""
