"""Arrays that state more than there is, or unpack to more than they should."""

import struct

from tests.safety.bombs import (
    Member,
    bomb,
    deflated_zeros,
    npy_header,
    npy_text,
    safetensors_text,
    sparse,
    stored,
    zipped,
)

HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%s, 2)}"
TERABYTE = 1 << 40
GIGABYTE = 1 << 30


@bomb("embeddings", "rows.npy", "its header must have at most 10000 bytes; it states 4294967295")
def npy_with_a_header_of_four_gigabytes(path):
    path.write_bytes(b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1) + b"{" * 1000)


for title, number in {
    "nested": b"(" * 4000 + b")" * 4000,
    "negated": b"-" * 9000 + b"1",
    "not": b"not " * 2000 + b"1",
    "added": b"1+" * 4500 + b"1",
    "a power": b"10**10**10",
    "of many digits": b"9" * 5000,
    "of many hexadecimal digits": b"0x" + b"f" * 9000,
    "a list within a list": b"[" * 90 + b"]" * 90,
}.items():

    def _write(path, number=number):
        path.write_bytes(npy_text(HEADER % number))

    _write.__name__ = f"npy whose length is {title}"
    bomb("embeddings", "rows.npy", "must hold an array that can be" if "hexa" in title else "is damaged")(_write)


@bomb("embeddings", "rows.npy", "must have .* bytes, for")
def npy_of_texts_of_two_gigabytes(path):
    path.write_bytes(npy_header((1, 1), "|S2147483647"))


@bomb("embeddings", "rows.npz", "states 'X.npy' of 8589934720 bytes")
def npz_of_eight_gigabytes_of_zeros(path):
    start = npy_header((2 << 20, 1024))
    path.write_bytes(zipped(Member("X.npy", deflated_zeros(8 * GIGABYTE, start), 8 * GIGABYTE + len(start))))


@bomb("embeddings", "rows.npz", "states members of .* bytes")
def npz_of_many_gigabytes_each_allowed(path):
    start, n_bytes = npy_header((1 << 19, 256)), 1 << 29
    packed = deflated_zeros(n_bytes, start)
    path.write_bytes(zipped(*(Member(f"{i}.npy", packed, n_bytes + len(start)) for i in range(9))))


@bomb("embeddings", "rows.npz", "is damaged: X.npy goes on after its 100 rows")
def npz_member_that_goes_on_for_a_gigabyte(path):
    start = npy_header((100, 10))
    path.write_bytes(zipped(Member("X.npy", deflated_zeros(GIGABYTE - 128, start), GIGABYTE - 128 + len(start))))


@bomb("embeddings", "rows.npz", "its header must have at most 10000 bytes; it states 419430400")
def npz_member_with_a_header_of_400_megabytes(path):
    start = b"\x93NUMPY\2\0" + struct.pack("<I", 400 << 20)
    path.write_bytes(zipped(Member("X.npy", deflated_zeros(400 << 20, start), (400 << 20) + len(start))))


@bomb("embeddings", "rows.npz", "deflate does not pack them so small")
def npz_member_that_states_more_than_deflate_can(path):
    path.write_bytes(zipped(Member("X.npy", deflated_zeros(1000, npy_header((1 << 20, 100))), 100 << 22)))


@bomb("embeddings", "rows.npz", "deflate does not pack them so small")
def npz_member_of_an_exabyte(path):
    path.write_bytes(zipped(Member("X.npy", deflated_zeros(1000), 1 << 60)))


@bomb("embeddings", "rows.npz", "states 1152921504606846976 bytes in 168")
def npz_stored_member_of_an_exabyte(path):
    path.write_bytes(zipped(stored("X.npy", npy_header((2, 5)) + bytes(40))._replace(size=1 << 60)))


@bomb("embeddings", "rows.npz", "must hold one member after the other; .* overlaps another")
def npz_of_members_that_overlap(path):
    start = npy_header((1 << 18, 256))
    packed = deflated_zeros(1 << 28, start)
    path.write_bytes(zipped(*(Member(f"{i}.npy", packed, (1 << 28) + len(start)) for i in range(3)), overlap=True))


@bomb("embeddings", "rows.npz", "must not have two members of one name")
def npz_of_two_members_of_one_name(path):
    path.write_bytes(zipped(*[stored("X.npy", npy_header((2, 5)) + bytes(40))] * 2))


@bomb("embeddings", "rows.npz", "stored or deflated; 'X.npy' is packed otherwise or encrypted")
def npz_encrypted(path):
    path.write_bytes(zipped(stored("X.npy", npy_header((2, 5)) + bytes(40), flags=1)))


@bomb("embeddings", "rows.npz", "stored or deflated; 'X.npy' is packed otherwise or encrypted")
def npz_packed_by_bzip2(path):
    path.write_bytes(zipped(stored("X.npy", npy_header((2, 5)) + bytes(40))._replace(method=12)))


@bomb("embeddings", "rows.npz", "must have at most 10000 members; it has 20000")
def npz_of_many_members(path):
    path.write_bytes(zipped(*(stored(f"{i}.npy", b"") for i in range(20_000))))


@bomb("embeddings", "rows.npz", "must have a directory of at most 4194304 bytes")
def npz_of_a_long_directory(path):
    path.write_bytes(zipped(*(stored(f"{i}" * 60, b"") for i in range(15_000))))


@bomb("embeddings", "rows.npz", "is damaged")
def npz_of_a_terabyte_of_nothing(path):
    sparse(path, b"PK\3\4", TERABYTE)


@bomb("embeddings", "rows.fvecs", "must have at least one feature")
def fvecs_of_a_terabyte_of_nothing(path):
    sparse(path, b"", TERABYTE)


@bomb("embeddings", "rows.bvecs", "must have 8188 features in each row, as in its first; row 1 states 0", memory=1 << 42)
def bvecs_of_a_terabyte_after_one_row(path):
    sparse(path, struct.pack("<I", 8188), TERABYTE // 8192 * 8192)


@bomb("copied", "rows.npy", "takes 1099511627776 bytes when it is read into memory", memory=1 << 42)
def npy_of_a_terabyte_into_memory(path):
    start = npy_header((1 << 28, 1024))
    sparse(path, start, TERABYTE + len(start))


@bomb("labels", "labels.txt", "must hold at most 67108864 bytes of labels")
def labels_of_a_terabyte(path):
    sparse(path, b"ant\nbee\n", TERABYTE)


@bomb("embeddings", "rows.safetensors", "the length of its header, at most 8388608; that is 99999999")
def safetensors_with_a_header_of_100_megabytes(path):
    sparse(path, struct.pack("<Q", 99_999_999), 100_000_007)


for title, (words, text) in {
    "nested deep": ("not be nested so deep", b'{"a name of some length":' * 100_000),
    "of blanks": ("is damaged: its header must be JSON", b" " * (1 << 23)),
    "of lists": ("at most 375016 lists and dicts", b"[" + b"[]," * 2_000_000 + b"[]]"),
    "of many names": ("lists and dicts", b"{" + b",".join(b'"%d":{}' % i for i in range(700_000)) + b"}"),
    "of an integer of many digits": ("an integer has 4000 digits", b'{"X":{"shape":[' + b"9" * 4000 + b"]}}"),
    "of a large integer": (
        "an array that can be; its header states the shape",
        b'{"X":{"dtype":"F32","shape":[' + b"9" * 40 + b'],"data_offsets":[0,0]}}',
    ),
}.items():

    def _write_header(path, text=text):
        path.write_bytes(safetensors_text(text))

    _write_header.__name__ = f"safetensors with a header {title}"
    bomb("embeddings", "rows.safetensors", words)(_write_header)
