"""Groups of items, and people's word on them: pairs that belong together or apart, merges, splits, names."""
