"""Estimators of other frameworks; imported only where one is built or loaded, since each brings its framework."""
