"""What the parts of a data set are called in files: by us, by the search benchmarks, and by habit. Case does not matter."""

import re

FEATURES = (
    *("X", "X_train", "train_X", "train", "data", "images", "train_images"),
    *("features", "feature", "train_features", "feat", "feats", "trainfeat", "trainfeats"),
    *("embeddings", "embedding", "train_embeddings", "train_embedding", "emb"),
)
LABELS = (
    *("y", "y_train", "train_y", "label", "labels", "train_label", "train_labels", "trainlabels"),
    *("target", "targets", "train_target", "train_targets", "class"),
)
TEST_FEATURES = (
    *("X_test", "test_X", "test", "test_images"),
    *("test_features", "test_feature", "testfeat", "testfeats", "test_embeddings", "test_embedding"),
)
TEST_LABELS = ("y_test", "test_y", "test_label", "test_labels", "testlabels", "test_target", "test_targets")
GROUPS = ("groups", "group")
CLASS_NAMES = ("classes", "class_names", "label_names", "target_names")

# Of one call of numpy.savez without names.
UNNAMED = ("arr_0", "arr_1")

# Columns that number the rows, or name them.
_ROW_NAMES = re.compile(r"(|.*_)(id|ids|idx|index|uuid|row|rows|rownum|row_number)|unnamed: \d+|level_\d+|", re.IGNORECASE)

# Columns that may be labels of another kind, such as coarse_label.
_LABEL_WORDS = re.compile(r"(.*[_ .-])?(labels?|targets?|class(es)?|category|categories|y)([_ .-].*)?", re.IGNORECASE)

_BY_FOLDED = {
    part: {name.casefold() for name in names}
    for part, names in {
        "X": FEATURES,
        "y": LABELS,
        "X_test": TEST_FEATURES,
        "y_test": TEST_LABELS,
        "groups": GROUPS,
        "classes": CLASS_NAMES,
    }.items()
}


def means(name: str, part: str) -> bool:
    """Tell whether a name is one of X, y, X_test, y_test, groups or classes."""
    return name.casefold() in _BY_FOLDED[part]


def may_be_labels(name: str) -> bool:
    """Tell whether a column may hold labels, of one kind or another."""
    return means(name, "y") or _LABEL_WORDS.fullmatch(name) is not None


def counts_rows(name: str) -> bool:
    """Tell whether a column may number the rows."""
    return _ROW_NAMES.fullmatch(name) is not None


def natural(name: str) -> list[tuple[int, str]]:
    """Return the key that sorts mug_2 before mug_10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,9})", name)]
