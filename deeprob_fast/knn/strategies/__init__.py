"""The strategies of a search, a file each: when one cannot serve, when trying it is not worth its time, and what it would cost.

Each has a `NAME`, `why_not(rows, metric)` and `fit(job)`, for those who ask for it by its name. Those that may be chosen have
`not_worth(job)`, `estimate(job, most)` and `SAVES`, the share of the cheapest known cost below which one is taken. `knn/plan.py`
asks them, and nobody else.
"""
