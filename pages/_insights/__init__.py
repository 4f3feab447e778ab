"""Parts of the page Insights."""
