"""What Streamlit does after each run of a page, kept away from the models and libraries that a server holds."""

import gc

from streamlit.runtime.scriptrunner import script_runner


def spare_models() -> None:
    """Let no run of a page clear the state of Keras.

    It is one state for all threads: it would go in the middle of what another page computes, and each run would wait
    for that.
    """
    script_runner._clean_problem_modules = lambda: None


def spare_imports() -> None:
    """Keep what is imported by now out of the garbage collection after each run: `benchmarks.pages` prints its cost."""
    gc.collect()
    gc.freeze()
