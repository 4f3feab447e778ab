"""The parts of the Setup page."""
