"""How large things may be before a search runs in another way: one record, which tests can make small."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Sizes at which a plan changes."""

    # As few queries are compared with the rows as they are, in less time than packing takes.
    few_queries: int = 4
    few_neighbors: int = 1024
    # Packing takes longer where rows are scattered, which saves a part of the search.
    scattered_queries: int = 64
    # Training rows that would take more memory are not grouped or sorted into boxes as a whole.
    whole_bytes: int = 1 << 30
    # This much of the training rows is packed at a time: memory that is used again and again costs least.
    piece_bytes: int = 32 << 20
    # Of a prefix more: its queries meet the nearest rows first, and a piece has only so near ones.
    prefix_piece_bytes: int = 96 << 20
    # Packed queries take this much at a time, and the columns of a projection.
    query_bytes: int = 64 << 20
    column_bytes: int = 32 << 20
    # Rows of a leaf of the tree that a prefix is sorted by, on average.
    leaf_rows: int = 64
    # Batches of packed queries that meet a piece before the next one is read: a file is read once for so many.
    batches: int = 8
    # Rows of a mapped file that take more are converted piece by piece, where the kernels cannot read them in place.
    converted_bytes: int = 1 << 28
    # Jobs that take as long as trying a filter on a sample: rows x queries x features.
    small_job: float = 1e9
    prefix_job: float = 1e10
    # Trees are tried for jobs of at least this many rows, pairs and queries: building takes as long as some queries of all rows.
    tree_rows: int = 1024
    tree_job: float = 1e6
    tree_queries_per_feature: int = 128


LIMITS = Limits()
