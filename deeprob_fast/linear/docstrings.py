"""Parts of docstrings that the functions on linear classifiers share."""

SHARED = {
    "examples": """
X : array-like, shape (n_examples, n_features)
    float32, float64, float16, uint8 or int8, read in place.
y : array-like of int, shape (n_examples,)
    Numbers of classes, from 0.
""",
    "n_classes": """
n_classes : int, optional
    By default the largest of y + 1.
""",
    "standardisation": """
mean, std : array-like, shape (n_features,), optional
    Standardise the features on the fly: (X - mean) / std.
""",
    "threads": """
n_threads : int, optional
    By default all that the environment grants. Does not change the result.
""",
    "raises": """
Raises
------
ValueError
    If a shape, a value or a name is not as stated above.
TypeError
    If an array does not hold real numbers or y integers.
""",
}
