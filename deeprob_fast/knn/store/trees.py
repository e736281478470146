"""What holds in a tree of boxes that is stored."""

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._typing import AnyArray
from deeprob_fast.knn.boxes import Tree
from deeprob_fast.knn.plan import why_not
from deeprob_fast.knn.store.demands import demand, demand_all, demand_each_once, demand_shape
from deeprob_fast.knn.store.packings import check_duplicates


def check_tree(tree: Tree) -> None:
    """Refuse a tree that is not one of the training rows: a search follows its boxes to leaves, and those to rows."""
    n_train, n_features = tree.train.shape
    impossible = why_not(tree.train, tree.metric, tree.name)
    demand(not impossible, f"there must be no tree, as {impossible}", tree.name)
    check_duplicates(tree.duplicates, n_train)
    representatives = tree.duplicates.representatives
    n_positions = len(representatives) or n_train
    n_values, n_rows, n_boxes = _kernels.box_sizes(n_positions, n_features)
    demand_shape("Tree.values", tree.values, n_values)
    demand_shape("Tree.rows", tree.rows, n_rows)
    demand_shape("Tree.boxes", tree.boxes, n_boxes)
    demand(tree.boxes.dtype == tree.values.dtype, f"Tree.boxes must be of {tree.values.dtype}, as the values", tree.boxes.dtype)
    exact = tree.train.dtype != np.float64 or tree.values.dtype == np.float64
    demand(exact, "Tree.values must be of float64, as the training rows", tree.values.dtype)
    rows = tree.rows[:n_positions]
    if len(representatives):
        demand_all(np.sort(rows) == representatives, "Tree.rows must be the first of equal rows", np.sort(rows))
    else:
        demand_each_once("Tree.rows", rows, n_train)
    _check_leaves(tree, n_positions)
    _check_boxes(tree)


def _demand_nothing(name: str, behind: AnyArray) -> None:
    demand_all(np.isnan(behind), f"{name} must be NaN beyond the last row or child", behind)


def _check_leaves(tree: Tree, n_positions: int) -> None:
    """Refuse values beyond the last row: they could pass for some."""
    leaf_rows, _, _ = _kernels.box_sizes(1, 1)
    last = tree.values[-leaf_rows * (len(tree.values) // len(tree.rows)) :].reshape(-1, leaf_rows)
    n_last = leaf_rows - (len(tree.rows) - n_positions)
    _demand_nothing("Tree.values", last[:, n_last:])
    demand_all(tree.rows[n_positions:] == 0, "Tree.rows must be 0 beyond the last row", tree.rows[n_positions:])


def _check_boxes(tree: Tree) -> None:
    """Refuse boxes of children that do not exist, and children without a box."""
    # A tree of one row and one feature has one leaf and one node: they tell how many rows and children these have.
    leaf_rows, _, two_of_children = _kernels.box_sizes(1, 1)
    n_children_of_node = two_of_children // 2
    width = len(tree.values) // len(tree.rows)
    nodes = tree.boxes.reshape(-1, width, 2, n_children_of_node)
    first, n_children, n_nodes = 0, len(tree.rows) // leaf_rows, 0
    while n_nodes != 1:  # the root is alone on its level
        n_nodes = -(-n_children // n_children_of_node)
        n_last = n_children - (n_nodes - 1) * n_children_of_node
        level = nodes[first : first + n_nodes]
        _demand_nothing("Tree.boxes", level[-1, :, :, n_last:])
        for children in (level[:-1], level[-1:, :, :, :n_last]):
            low, high = children[:, :, 0], children[:, :, 1]
            demand_all(low <= high, "Tree.boxes must hold smallest values and largest", low)
        first, n_children = first + n_nodes, n_nodes
