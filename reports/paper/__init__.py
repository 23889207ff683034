"""What a paper takes from a run: tables, figures, a paragraph on the method, references."""
