"""When to retrain: triggers and brakes as pure rules, and the worker's tick that acts on them."""
