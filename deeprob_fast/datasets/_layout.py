"""The order of the bytes of small colour images: plane after plane (CHW) or pixel after pixel (HWC)."""

from deeprob_fast._typing import AnyArray

IMAGE_SHAPES = {"CHW": (3, 32, 32), "HWC": (32, 32, 3)}
N_BYTES = 3 * 32 * 32


def check_layout(layout: object) -> str:
    """Return the name of a layout."""
    if layout not in IMAGE_SHAPES:
        msg = f"layout must be one of {', '.join(IMAGE_SHAPES)}; got {layout!r}"
        raise ValueError(msg)
    return str(layout)


def rows_in_layout(images: AnyArray, stored: str, layout: str) -> AnyArray:
    """Return images of one layout as rows of another, each image one row."""
    images = images.reshape(-1, *IMAGE_SHAPES[stored])
    if stored != layout:
        images = images.transpose(0, 2, 3, 1) if layout == "HWC" else images.transpose(0, 3, 1, 2)
    return images.reshape(len(images), N_BYTES)
