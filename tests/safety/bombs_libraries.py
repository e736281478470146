"""HDF5 and Parquet files that ask their libraries for more time or memory than their bytes."""

import struct

import numpy as np

from tests.safety.bombs import bomb, deflated_zeros

ROWS = np.ones((4, 4), dtype=np.float32)
WORDS = ["ant", "bee", "cicada", "dog"]


def _hdf5(words, *, loader="embeddings"):
    """Note a function that is given an open file, and what h5py offers."""

    def note(make):
        def whole(path):
            import h5py

            with h5py.File(path, "w") as file:
                make(file, h5py)

        whole.__name__ = make.__name__
        return bomb(loader, "rows.h5", words)(whole)

    return note


def _zlib(n_bytes):
    return b"\x78\x01" + deflated_zeros(n_bytes) + (1 + (n_bytes % 65521 << 16)).to_bytes(4, "big")


@_hdf5("states an array of shape \\(1073741824, 64\\), of 274877906944 bytes")
def hdf5_of_chunks_that_are_not_there(file, _):
    file.create_dataset("X", (1 << 30, 64), np.float32, chunks=(1024, 64), compression="gzip")


@_hdf5("states 268435456 chunks in /X; 0 of them are there")
def hdf5_of_very_many_chunks_that_are_not_there(file, _):
    file.create_dataset("X", (1 << 14, 1 << 14), np.uint8, chunks=(1, 1))


@_hdf5("states an array of shape .* of 2147483648 bytes")
def hdf5_of_two_gigabytes_of_zeros(file, _):
    item = file.create_dataset("X", (1 << 15, 1 << 14), np.float32, chunks=(1 << 10, 1 << 14), compression="gzip")
    packed = _zlib(1 << 26)
    for start in range(0, 1 << 15, 1 << 10):
        item.id.write_direct_chunk((start, 0), packed)


@_hdf5("states a chunk of /X of 4294967295 bytes|states a chunk of /X of 2147483648 bytes")
def hdf5_of_one_chunk_of_two_gigabytes(file, _):
    item = file.create_dataset("X", (1, 1), np.uint8, maxshape=(None, None), chunks=(1 << 15, 1 << 16), compression="gzip")
    item.id.write_direct_chunk((0, 0), _zlib(1 << 10))


@_hdf5("the chunk of /X at \\(0, 0\\) must unpack to 4194304 bytes")
def hdf5_chunk_that_unpacks_to_more_than_its_own(file, _):
    item = file.create_dataset("X", (1 << 10, 1 << 10), np.float32, chunks=(1 << 10, 1 << 10), compression="gzip")
    item.id.write_direct_chunk((0, 0), _zlib(3 << 30))


@_hdf5("the chunks of /X take .* bytes, the largest")
def hdf5_chunks_that_are_larger_than_they_may_be(file, _):
    item = file.create_dataset("X", (4, 4), np.float32, chunks=(1, 4), compression="gzip")
    for row in range(4):
        item.id.write_direct_chunk((row, 0), _zlib(1 << 28))


@bomb("embeddings", "rows.h5", "is damaged: the chunks of /X take .* bytes, .* in a file of")
def hdf5_of_chunks_that_are_all_the_same(path):
    """They lie in one place, so that a megabyte is unpacked many times."""
    import h5py

    rows = np.random.default_rng(0).integers(0, 256, (1, 1 << 20), dtype=np.uint8)
    with h5py.File(path, "w") as file:
        item = file.create_dataset("X", (60, 1 << 20), np.uint8, chunks=(1, 1 << 20), compression="gzip")
        item[0] = rows
        item[1:] = 0
        packed = [item.id.get_chunk_info(row) for row in range(60)]
    content = path.read_bytes()
    # Of each chunk the file has its size, no filter that is left out, its place (one number more than there are dimensions)
    # and its address.
    entries = [struct.pack("<IIQQQQ", chunk.size, 0, row, 0, 0, chunk.byte_offset) for row, chunk in enumerate(packed)]
    for row, entry in enumerate(entries):
        assert content.count(entry) == 1
        content = content.replace(entry, entries[0][:8] + struct.pack("<Q", row) + entries[0][16:])
    path.write_bytes(content)


@_hdf5("must be packed by gzip or lzf in /X, and that once; its filters are \\[1, 1\\]")
def hdf5_packed_twice(file, h5py):
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((1 << 12, 1 << 12))
    plan.set_deflate(9)
    plan.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (9,))
    h5py.h5d.create(file.id, b"X", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((1 << 12, 1 << 12)), plan)
    file["X"][:1] = 0


@_hdf5("must be packed by gzip or lzf in /X, and that once; its filters are \\[6\\]")
def hdf5_packed_by_scale_and_offset(file, _):
    file.create_dataset("X", data=ROWS.astype(np.int32), chunks=(4, 4), scaleoffset=4)


@_hdf5("must hold chunks of at most 12201611 bytes in /X, as lzf packs them")
def hdf5_of_a_large_chunk_of_lzf(file, _):
    item = file.create_dataset("X", (1 << 12, 1 << 12), np.uint8, chunks=(1 << 12, 1 << 12), compression="lzf")
    item.id.write_direct_chunk((0, 0), b"\0" * (13 << 20))


@_hdf5("must have its groups at most 32 deep")
def hdf5_of_deep_groups(file, _):
    group = file
    for _ in range(300):
        group = group.create_group("a")
    group["X"] = ROWS


@_hdf5("must have at most 10000 groups and data sets; it has 12000")
def hdf5_of_many_groups(file, h5py):
    for number in range(12_000):
        h5py.h5g.create(file.id, b"%d" % number)


@_hdf5("its arrays are none")
def hdf5_of_links_in_circles(file, h5py):
    inner = file.create_group("inner")
    inner["outer"] = file
    inner["inner"] = inner
    file["soft"], file["round"] = h5py.SoftLink("/soft"), h5py.SoftLink("/")
    file["X"] = h5py.ExternalLink("/etc/passwd", "X")


@_hdf5("its arrays are none")
def hdf5_whose_rows_are_another_file(file, h5py):
    file.create_dataset("X", (1, 64), np.uint8, external=[("/etc/passwd", 0, 64)])
    layout = h5py.VirtualLayout((4, 4), np.float32)
    layout[...] = h5py.VirtualSource("/tmp/other.h5", "X", (4, 4))
    file.create_virtual_dataset("virtual", layout)


@_hdf5("its arrays are none")
def hdf5_of_a_type_nested_deep(file, h5py):
    kind = h5py.h5t.NATIVE_INT8.copy()
    for _ in range(3000):
        kind = h5py.h5t.vlen_create(kind)
    h5py.h5d.create(file.id, b"X", kind, h5py.h5s.create_simple((3,)))


@_hdf5("states text in y of .* bytes", loader="data")
def hdf5_of_texts_that_are_not_there(file, h5py):
    file.create_dataset("y", (1 << 30,), h5py.string_dtype(), chunks=(1 << 20,))
    file.create_dataset("X", (1 << 30, 1), np.uint8, chunks=(1 << 20, 1))


def _with_texts(words):
    """Note a function that changes the references of texts in a whole file: a length, an address, a number of four bytes."""

    def note(change):
        def whole(path):
            import h5py

            with h5py.File(path, "w") as file:
                file["X"], file["y"] = np.zeros((4000, 2), np.uint8), ["text of some length"] * 4000
            with h5py.File(path) as file:
                place = file["y"].id.get_offset()
            content = bytearray(path.read_bytes())
            change(content, place)
            path.write_bytes(content)

        whole.__name__ = change.__name__
        return bomb("data", "rows.h5", words)(whole)

    return note


@_with_texts("must hold each text in /y once; 16384000 bytes are stated by a file of")
def hdf5_of_texts_that_are_longer_than_the_file(content, place):
    reference = content[place : place + 16]
    content[place : place + 64_000] = ((4096).to_bytes(4, "little") + reference[4:]) * 4000


@_with_texts("is damaged: (a string of 19 bytes lies in object|the object at byte .* of a heap must end at)")
def hdf5_whose_heap_does_not_go_on(content, place):
    """Its library goes round and round in it."""
    heap = int.from_bytes(content[place + 4 : place + 12], "little")
    content[heap + 16 + 8 : heap + 16 + 16] = bytes(8)


@_with_texts("is damaged: a string of 19 bytes lies in object 65535 at .*, which has 0")
def hdf5_of_texts_in_objects_that_are_not_there(content, place):
    content[place + 12 : place + 16] = (65535).to_bytes(4, "little")


@_with_texts("is damaged: there is no heap of .* bytes at byte")
def hdf5_of_a_heap_larger_than_the_file(content, place):
    heap = int.from_bytes(content[place + 4 : place + 12], "little")
    content[heap + 8 : heap + 16] = (1 << 40).to_bytes(8, "little")


def _parquet(words, *, loader="embeddings", is_slow=False, **options):
    """Note a function that returns columns by name."""

    def note(make):
        def whole(path):
            import pyarrow as pa
            from pyarrow import parquet

            columns = make(pa)
            parquet.write_table(pa.table(columns) if isinstance(columns, dict) else columns, path, **options)

        whole.__name__ = make.__name__
        return bomb(loader, "rows.parquet", words, is_slow=is_slow)(whole)

    return note


@_parquet("states (pages|an array) of .* bytes", is_slow=True, compression="zstd", use_dictionary=False)
def parquet_of_a_gigabyte_of_zeros(pa):
    return {"v": pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(1 << 28, np.float32)), 512)}


@_parquet("states lists in v of .* bytes", is_slow=True, compression="none")
def parquet_of_one_long_list(pa):
    values = pa.array(np.zeros(1 << 27, np.float32))
    return {"v": pa.ListArray.from_arrays(pa.array([0, 1 << 27], pa.int32()), values)}


@_parquet("states an array of shape .* of 2147483648 bytes", compression="none")
def parquet_of_equal_numbers(pa):
    one = pa.array(np.zeros(1 << 20))
    return {"v": pa.chunked_array([one] * 256)}


@_parquet(
    "must hold the text of y plain or by a dictionary, not by prefixes",
    loader="data",
    use_dictionary=False,
    column_encoding={"y": "DELTA_BYTE_ARRAY", "v.list.element": "PLAIN"},
)
def parquet_of_texts_by_their_prefixes(pa):
    texts = [f"{'x' * 1000}{number % 9}" for number in range(1 << 13)]
    return {"v": pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(1 << 13, np.float32)), 1), "y": texts}


@_parquet("must not have two columns of one name")
def parquet_of_two_columns_of_one_name(pa):
    return pa.Table.from_arrays([pa.array([[1.0]]), pa.array([[2.0]])], names=["v", "v"])


@_parquet("must have at most 256 columns of lists")
def parquet_of_many_lists(_):
    return {f"{number}": [[1.0]] for number in range(300)}


@_parquet("is damaged: Parquet schema too deeply nested")
def parquet_of_a_type_nested_deep(pa):
    kind = pa.float32()
    for _ in range(500):
        kind = pa.list_(kind)
    return {"v": pa.nulls(3, kind)}


@bomb("embeddings", "rows.parquet", "a page of v.list.element states 16777176 values more than its footer")
def parquet_whose_footer_states_less_than_its_pages(path):
    """Its library believes the pages."""
    import pyarrow as pa
    from pyarrow import parquet

    values = pa.array(np.zeros(1 << 24, np.float32))
    table = pa.table({"v": pa.ListArray.from_arrays(pa.array([0, 1 << 24], pa.int32()), values)})
    parquet.write_table(table, path, compression="none", write_statistics=False)
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    many, few = b"\x80\x80\x80\x10", b"\xd0\x80\x80\0"  # 2**24 and 40, as the format writes integers
    assert many in content[start:]
    path.write_bytes(content[:start] + content[start:].replace(many, few))
