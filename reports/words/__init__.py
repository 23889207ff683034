"""How numbers and names are written on the page."""
