"""Building blocks of the models, one idea per file; none of them is registered."""
