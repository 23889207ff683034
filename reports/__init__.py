"""Reports: read the files of a finished run and render one page. Never imports TensorFlow."""
