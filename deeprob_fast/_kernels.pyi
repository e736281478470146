from types import ModuleType

from deeprob_fast._typing import AnyArray, Float32, Float64, Hyperparameters, Int8, Int32, Int64, KernelHead, PackReport, UInt64

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
def group_queries() -> int: ...
def pack(
    train: AnyArray,
    representatives: Int64,
    metric: str,
    center: Float64,
    scale: float,
    panels: Float32 | Int32,
    bias: Float32 | Int32,
    norm: Float32,
    slack: Float32,
    errors: Float64,
    n_threads: int,
) -> PackReport: ...
def pack_queries(
    queries: AnyArray,
    metric: str,
    center: Float64,
    scale: float,
    groups: Float32 | Int32,
    measures: Float64,
    errors: Float64,
    n_threads: int,
) -> int: ...
def byte_stride(n_features: int) -> int: ...
def search_prefix(
    train: AnyArray,
    representatives: Int64,
    group_starts: Int64,
    group_members: Int64,
    metric: str,
    center: Float64,
    scale: float,
    bytes: Int8,
    squares: Int32,
    residuals: Float32,
    prefix_center: Float64,
    prefix_scale: float,
    panels: Float32 | Int32,
    bias: Float32 | Int32,
    norm: Float32,
    slack: Float32,
    run_starts: Int64,
    run_cells: Int64,
    centers: Float32,
    first_row: int,
    queries: AnyArray,
    query_columns: Float32,
    query_bytes: Int8,
    query_squares: Int32,
    query_residuals: Float32,
    query_groups: Float32 | Int32,
    query_measures: Float64,
    distances: Float64,
    indices: Int64,
    n_threads: int,
) -> tuple[int, int]: ...
def scan(
    train: AnyArray, metric: str, queries: AnyArray, distances: Float64, indices: Int64, n_threads: int
) -> tuple[int, int]: ...
def max_box_features() -> int: ...
def max_box_rows() -> int: ...
def box_sizes(n_positions: int, n_features: int) -> tuple[int, int, int]: ...
def build_boxes(
    train: AnyArray,
    representatives: Int64,
    values: Float32 | Float64,
    rows: Int32,
    boxes: Float32 | Float64,
    n_threads: int,
) -> int: ...
def search_boxes(
    train: AnyArray,
    representatives: Int64,
    group_starts: Int64,
    group_members: Int64,
    metric: str,
    values: Float32 | Float64,
    rows: Int32,
    boxes: Float32 | Float64,
    queries: AnyArray,
    distances: Float64,
    indices: Int64,
    n_threads: int,
) -> tuple[int, int, int]: ...
def project(
    rows: AnyArray,
    metric: str,
    center: Float64,
    scale: float,
    basis: Float32,
    defect: float,
    queries: bool,
    columns: Float32,
    errors: Float64,
    bytes: Int8,
    squares: Int32,
    residuals: Float32,
    n_threads: int,
) -> int: ...
def search(
    train: AnyArray,
    representatives: Int64,
    group_starts: Int64,
    group_members: Int64,
    metric: str,
    center: Float64,
    scale: float,
    panels: Float32 | Int32,
    bias: Float32 | Int32,
    norm: Float32,
    slack: Float32,
    largest_norm: float,
    integral: bool,
    first_row: int,
    queries: AnyArray,
    query_groups: Float32 | Int32,
    query_measures: Float64,
    distances: Float64,
    indices: Int64,
    n_threads: int,
) -> tuple[int, int]: ...
def add_votes(labels: Int64, neighbors: Int64, weights: Float64, votes: Float64, n_threads: int) -> None: ...
def rank_classes(
    labels: Int64, neighbors: Int64, weights: Float64, k_values: Int64, n_classes: int, ranked: Int64, n_threads: int
) -> None: ...
def hash_rows(rows: AnyArray, hashes: UInt64, n_threads: int) -> None: ...
def rows_equal(rows: AnyArray, representatives: Int64, n_threads: int) -> bool: ...
def pairwise_distances(
    x: AnyArray, y: AnyArray, metric: str, center: Float64, scale: float, out: AnyArray, n_threads: int
) -> tuple[int, int]: ...
def top_k(values: AnyArray, k: int, largest: bool, out_values: AnyArray, out_indices: Int64, n_threads: int) -> int: ...
def symmetric_eigen(matrix: Float64, values: Float64, vectors: Float64) -> None: ...
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
    rows: AnyArray,
    labels: Int64,
    sample_weights: Float64,
    shift: AnyArray,
    scale: AnyArray,
    bias: bool,
    loss: str,
    delta: float,
    l2: float,
    l1: float,
    n_penalized: int,
    n_classes: int,
    weights: AnyArray,
    gradient: AnyArray,
    n_threads: int,
) -> float: ...
def train(
    rows: AnyArray,
    labels: Int64,
    sample_weights: Float64,
    shift: AnyArray,
    scale: AnyArray,
    bias: bool,
    order: Int64,
    starts: Int64,
    heads: list[KernelHead],
    schedule: Float64,
    n_classes: int,
    weights: AnyArray,
    slots: AnyArray,
    history: Float64,
    first_step: int,
    n_threads: int,
) -> None: ...
def linear_scores(
    rows: AnyArray,
    shift: AnyArray,
    scale: AnyArray,
    bias: bool,
    n_classes: int,
    weights: AnyArray,
    out: AnyArray,
    n_threads: int,
) -> None: ...
def evaluate(
    rows: AnyArray,
    labels: Int64,
    sample_weights: Float64,
    shift: AnyArray,
    scale: AnyArray,
    bias: bool,
    losses: list[tuple[str, float]],
    n_classes: int,
    weights: AnyArray,
    mean_losses: Float64,
    accuracies: Float64,
    n_threads: int,
) -> None: ...
