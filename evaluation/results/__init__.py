"""The files of a run: schema, reading and writing, selections."""
