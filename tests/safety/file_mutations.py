"""Ways to damage a file, at random but the same for the same seed and number."""

import gzip
import io
import json
import random
import warnings
import zipfile
from typing import Any

from deeprob_fast.saving.containers import CONTAINERS, Content, digest

INTEGERS = (0, 1, -1, 2, 127, 128, 255, 2**15, 2**16 - 1, 10**6, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, -(2**63))
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    1e308,
    "",
    "x" * 300,
    "\x1b[2J",
    [],
    {},
    [[]],
    ["a"],
    "builtins",
    "numpy",
    "str",
    "W",
)


def _place(rng, n_bytes):
    """Return a place, often near the start or the end, where headers and directories are."""
    if not n_bytes:
        return 0
    reach = min(n_bytes, 512)
    return rng.choice((rng.randrange(n_bytes), rng.randrange(reach), n_bytes - 1 - rng.randrange(reach)))


def flip_bits(rng, content, _):
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8)) if content else 0):
        changed[_place(rng, len(content))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def change_bytes(rng, content, _):
    place, length = _place(rng, len(content)), rng.randrange(1, 40)
    return content[:place] + rng.choice((rng.randbytes(length), bytes(length), b"\xff" * length)) + content[place + length :]


def truncate(rng, content, _):
    return content[: _place(rng, len(content))]


def extend(rng, content, _):
    return content + rng.choice((bytes(rng.randrange(1, 4096)), rng.randbytes(rng.randrange(1, 99)), content))


def splice(rng, content, other):
    return content[: _place(rng, len(content))] + other[_place(rng, len(other)) :]


def write_integer(rng, content, _):
    width = rng.choice((1, 2, 4, 8))
    place = _place(rng, len(content)) // width * width
    number = rng.choice(INTEGERS) % (1 << 8 * width)
    return content[:place] + number.to_bytes(width, rng.choice(("little", "big"))) + content[place + width :]


def delete_block(rng, content, _):
    place = _place(rng, len(content))
    return content[:place] + content[place + rng.choice((1, 4, 16, 512)) :]


def repeat_block(rng, content, _):
    place, length = _place(rng, len(content)), rng.choice((1, 4, 16, 512))
    return content[: place + length] + content[place : place + length] * rng.choice((1, 2, 20)) + content[place + length :]


def swap_blocks(rng, content, _):
    first, second = sorted((_place(rng, len(content)), _place(rng, len(content))))
    length = min(rng.choice((1, 4, 16)), second - first)
    parts = content[second : second + length], content[first + length : second], content[first : first + length]
    return content[:first] + b"".join(parts) + content[second + length :]


DAMAGES = (
    flip_bits,
    flip_bits,
    change_bytes,
    truncate,
    extend,
    splice,
    write_integer,
    write_integer,
    delete_block,
    repeat_block,
    swap_blocks,
)


def damage(rng, content, other):
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice(DAMAGES)(rng, content, other)
    return content


def change_json(rng, text):
    """Put another value, or a copy of another part, somewhere into JSON."""
    root: Any = [json.loads(text)]
    places: list[Any] = []
    waiting: list[Any] = [root]
    while waiting:
        value = waiting.pop()
        keys = list(value) if isinstance(value, dict) else range(len(value))
        places += [(value, key) for key in keys]
        waiting += [value[key] for key in keys if isinstance(value[key], (dict, list))]
    for _ in range(rng.choice((1, 1, 2, 4))):
        (target, key), (source, from_key) = rng.choice(places), rng.choice(places)
        try:
            target[key] = rng.choice((rng.choice(VALUES), rng.choice(INTEGERS), source[from_key]))
            return json.dumps(root[0]).encode()
        except (ValueError, LookupError):  # a part within itself
            break
    return text


def inside_gzip(rng, content, other):
    return gzip.compress(damage(rng, gzip.decompress(content), other), 1)


def inside_zip(rng, content, other):
    """Damage a member, its name or its packing, with checksums that are right again."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [[name, archive.read(name)] for name in archive.namelist()]
    chosen = rng.choice(members)
    if chosen[0].endswith(".json") and rng.random() < 0.8:
        chosen[1] = change_json(rng, chosen[1])
    elif rng.random() < 0.8:
        chosen[1] = damage(rng, chosen[1], other)
    else:
        chosen[0] = rng.choice(("../" + chosen[0], "/" + chosen[0], members[0][0], "folder/", "\x1b[2J.npy", chosen[0] * 9))
    buffer, method = io.BytesIO(), rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, member in members:
            archive.writestr(name, member)
    return buffer.getvalue()


def inside_header(rng, content, _):
    """Change the header of a .safetensors file."""
    length = int.from_bytes(content[:8], "little")
    header = change_json(rng, content[8 : 8 + length])
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def inside_description(suffix):
    """Return a way to change what a model in a file says of itself, with a digest that is right again."""

    def change(rng, content, _):
        arrays, strings = CONTAINERS[suffix].read(io.BytesIO(content))
        text = change_json(rng, strings["deeprob_fast"].encode()).decode()
        return CONTAINERS[suffix].write(Content(arrays, {"deeprob_fast": text, "sha256": digest(arrays, text)}))

    return change


def _ways(name, content):
    """Return the ways to damage a file that keep it whole on the outside."""
    suffix = f".{name.rpartition('.')[2]}"
    ways = []
    if content[:2] == b"\x1f\x8b":
        ways.append(inside_gzip)
    if content[:2] == b"PK":
        ways.append(inside_zip)
    if suffix == ".safetensors":
        ways.append(inside_header)
    if suffix in CONTAINERS and b"sha256" in content:
        ways.append(inside_description(suffix))
    return ways


def mutated(kinds, seed, number):
    """Return the name of a kind, in turn, and its files, of which one is damaged."""
    rng = random.Random(f"{seed}/{number}")
    name = sorted(kinds)[number % len(kinds)]
    files = dict(kinds[name].files)
    chosen = rng.choice(sorted(files))
    other = rng.choice(list(kinds[rng.choice((name, rng.choice(sorted(kinds))))].files.values()))
    ways = _ways(chosen, files[chosen])
    way = rng.choice(ways) if ways and rng.random() < 0.5 else damage
    files[chosen] = way(rng, files[chosen], other)
    return name, files
