from types import ModuleType
from typing import TypeAlias

from deeprob_fast._typing import (
    AnyArray,
    Float32,
    Float64,
    Hyperparameters,
    Int8,
    Int32,
    Int64,
    KernelClassifier,
    KernelLoss,
    KernelPenalty,
    PackReport,
)

# Records, in the order of the bindings.
_Rows: TypeAlias = tuple[AnyArray, Int64, Int64, Int64, Int64, int]  # train, order, of duplicates three, first_row
_Centering: TypeAlias = tuple[Float64, float]  # center, scale
_Packing: TypeAlias = tuple[Float32 | Int32, Float32 | Int32, Float32, Float32]  # panels, bias, norm, slack
_ByteRows: TypeAlias = tuple[Int8, Int32, Float32]  # bytes, squares, residuals
_Columns: TypeAlias = tuple[Float32, Float64]  # values, errors
_Stages: TypeAlias = tuple[Int64, Float64, Float64]  # ends, scales, center
_StagePacking: TypeAlias = tuple[Int32, Float32, Float32, Float32]  # words, slack, centers, radii
_Tree: TypeAlias = tuple[Float32 | Float64, Int32, Float32 | Float64]  # values, rows, boxes
_Output: TypeAlias = tuple[Float64, Int64]  # distances, indices
_Radius: TypeAlias = tuple[float, int, bool]  # distance, limit, count_only
_Lists: TypeAlias = tuple[Int64, Int64, Float64]  # indptr, indices, distances
_SearchCounts: TypeAlias = tuple[int, int, int, int, int, int]
_PrefixQueries: TypeAlias = tuple[AnyArray, Float32 | Int32, Float64, _Columns, _ByteRows]
_Examples: TypeAlias = tuple[AnyArray, Int64, Float64, AnyArray, AnyArray, bool]  # of linear/examples.py

VARIABLE: str
LEVELS: tuple[str, ...]
ISA: str
METRICS: tuple[str, ...]

def pick_level(requested: str | None, runnable: list[str]) -> str: ...
def load(level: str) -> ModuleType: ...
def max_threads() -> int: ...
def byte_range(metric: str) -> tuple[float, float]: ...
def max_byte_columns() -> int: ...
def panel_rows() -> int: ...
def sample_rank(k: int, n_seen: int, n_rows: int) -> int: ...
def variation_of_errors(n_features: int) -> float: ...
def tile_queries() -> int: ...
def pack(
    train: AnyArray,
    positions: Int64,
    metric: str,
    centering: _Centering,
    packing: _Packing,
    n_threads: int,
) -> PackReport: ...
def pack_queries(
    queries: AnyArray,
    metric: str,
    centering: _Centering,
    tiles: Float32 | Int32,
    measures: Float64,
    n_threads: int,
) -> int: ...
def byte_stride(n_features: int) -> int: ...
def max_stages() -> int: ...
def max_stage_weight() -> float: ...
def group_rows() -> int: ...
def pack_stages(
    columns: _Columns,
    order: Int64,
    stages: _Stages,
    packing: _StagePacking,
    first_position: int,
    n_positions: int,
    n_threads: int,
) -> None: ...
def pack_stage_queries(columns: _Columns, stages: _Stages, tiles: Int32, measures: Float64, n_threads: int) -> None: ...
def search_prefix(
    rows: _Rows,
    metric: str,
    byte_centering: _Centering,
    bytes: _ByteRows,
    stages: _Stages,
    packing: _StagePacking,
    queries: _PrefixQueries,
    output: _Output,
    n_threads: int,
) -> _SearchCounts: ...
def search_prefix_radius(
    rows: _Rows,
    metric: str,
    byte_centering: _Centering,
    bytes: _ByteRows,
    stages: _Stages,
    packing: _StagePacking,
    queries: _PrefixQueries,
    radius: _Radius,
    n_threads: int,
) -> tuple[_Lists, _SearchCounts]: ...
def fit_axes(sample: _Columns, tree: tuple[Float32, Float32]) -> None: ...
def sort_by_axes(columns: Float32, tree: tuple[Float32, Float32], order: Int64, n_threads: int) -> None: ...
def scan(train: AnyArray, metric: str, queries: AnyArray, output: _Output, n_threads: int) -> tuple[int, int]: ...
def scan_radius(
    train: AnyArray, metric: str, queries: AnyArray, radius: _Radius, n_threads: int
) -> tuple[_Lists, tuple[int, int]]: ...
def max_box_features() -> int: ...
def max_box_rows() -> int: ...
def box_sizes(n_positions: int, n_features: int) -> tuple[int, int, int]: ...
def build_boxes(train: AnyArray, positions: Int64, tree: _Tree, n_threads: int) -> int: ...
def search_boxes(
    rows: _Rows, metric: str, tree: _Tree, queries: AnyArray, output: _Output, n_threads: int
) -> tuple[int, int, int]: ...
def search_boxes_radius(
    rows: _Rows, metric: str, tree: _Tree, queries: AnyArray, radius: _Radius, n_threads: int
) -> tuple[_Lists, tuple[int, int, int]]: ...
def project(
    rows: AnyArray,
    metric: str,
    projection: tuple[Float64, Float32, float, float, Int64],
    queries: bool,
    columns: _Columns,
    bytes: _ByteRows,
    n_threads: int,
) -> int: ...
def search(
    rows: _Rows,
    metric: str,
    centering: _Centering,
    packing: _Packing,
    facts: tuple[float, bool],
    queries: tuple[AnyArray, Float32 | Int32, Float64],
    output: _Output,
    n_threads: int,
) -> _SearchCounts: ...
def search_radius(
    rows: _Rows,
    metric: str,
    centering: _Centering,
    packing: _Packing,
    facts: tuple[float, bool],
    queries: tuple[AnyArray, Float32 | Int32, Float64],
    radius: _Radius,
    n_threads: int,
) -> tuple[_Lists, _SearchCounts]: ...
def add_votes(labels: Int64, neighbors: Int64, weights: Float64, votes: Float64, n_threads: int) -> None: ...
def rank_classes(
    labels: Int64, neighbors: Int64, weights: Float64, k_values: Int64, n_classes: int, ranked: Int64, n_threads: int
) -> None: ...
def pairwise_distances(
    x: AnyArray, y: AnyArray, metric: str, center: Float64, scale: float, out: AnyArray, n_threads: int
) -> tuple[int, int]: ...
def top_k(values: AnyArray, k: int, largest: bool, out_values: AnyArray, out_indices: Int64, n_threads: int) -> int: ...
def principal_directions(sample: Float32, start: Float32, directions: Float64) -> int: ...
def rotated_directions(directions: Float64, random: Float64, basis: Float32) -> float: ...
def find_duplicates(train: AnyArray, duplicates: tuple[Int64, Int64, Int64], n_threads: int) -> int: ...
def merge_piece(metric: str, piece: _Output, first_row: int, output: _Output, n_threads: int) -> None: ...
def update(
    rule: str,
    hyperparameters: Hyperparameters,
    step: int,
    params: AnyArray,
    grad: AnyArray,
    slots: AnyArray,
    n_threads: int,
) -> None: ...
def column_slices(n_columns: int) -> list[int]: ...
def loss_and_gradient(
    examples: _Examples,
    loss: KernelLoss,
    penalty: KernelPenalty,
    n_classes: int,
    weights: AnyArray,
    gradient: AnyArray,
    n_threads: int,
) -> float: ...
def train(
    examples: _Examples,
    batches: tuple[Int64, Int64],
    classifiers: list[KernelClassifier],
    schedule: Float64,
    n_classes: int,
    weights: AnyArray,
    slots: AnyArray,
    history: Float64,
    first_step: int,
    n_threads: int,
) -> None: ...
def linear_scores(examples: _Examples, n_classes: int, weights: AnyArray, out: AnyArray, n_threads: int) -> None: ...
def evaluate(
    examples: _Examples,
    losses: list[KernelLoss],
    n_classes: int,
    weights: AnyArray,
    mean_losses: Float64,
    accuracies: Float64,
    n_threads: int,
) -> None: ...
