"""scikit-learn's estimators of neighbours over the exact search: its names, arguments and defaults.

What belongs together is set at once and read at once: one thread may fit an estimator again while others search it.
"""
