"""Tables in the paper's layout, figures, one HTML page, and where each number comes from."""
