"""Files of image data sets that unpack to more than they should, or take longer than their bytes."""

import gzip
import io
import os
import pickle
import struct
import tarfile
from typing import Any

import numpy as np

from tests.datasets.image_files import idx_files, props_files, tar_bytes, write_files
from tests.safety.bombs import bomb, gzipped_zeros, sparse

GIGABYTE = 1 << 30
FOLDER = "Progress-Objects-Sample"
IMAGES = "train-images-idx3-ubyte"


def _idx(name, words):
    """Note a function that writes the training images of a folder of idx files."""

    def note(write):
        def whole(folder):
            write_files(folder, {name: content for name, content in idx_files().items() if name != IMAGES})
            write(folder / name)

        whole.__name__ = write.__name__
        return bomb("data", "idx", words)(whole)

    return note


def _idx_header(*shape):
    return struct.pack(">HBB3I", 0, 8, 3, *shape)


@_idx(f"{IMAGES}.gz", "must hold 3920 bytes after its header, .* it holds more than 3920")
def idx_with_four_gigabytes_after_its_images(path):
    path.write_bytes(gzipped_zeros(4 * GIGABYTE, idx_files()[IMAGES]))


@_idx(f"{IMAGES}.gz", "deflate does not pack them so small")
def idx_of_more_than_there_can_be(path):
    path.write_bytes(gzip.compress(_idx_header(2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(1000)))


@_idx(f"{IMAGES}.gz", "states an array of .* of 2415919104 bytes")
def idx_of_two_gigabytes_of_zeros(path):
    path.write_bytes(gzipped_zeros(9 << 28, _idx_header(9 << 18, 32, 32)))


@_idx(IMAGES, "takes 1099511627776 bytes when it is read into memory")
def idx_of_a_terabyte_of_nothing(path):
    sparse(path, _idx_header(1 << 30, 32, 32), (1 << 40) + 16)


@_idx(IMAGES, "must hold 1024 bytes after its header, .* it holds 1099511627776")
def idx_before_a_terabyte_of_nothing(path):
    sparse(path, _idx_header(1, 32, 32), (1 << 40) + 16)


def _props_archive(words):
    """Note a function that returns an archive of PROPS."""

    def note(make):
        def whole(path):
            path.write_bytes(make())

        whole.__name__ = make.__name__
        return bomb("props", "a.tar.gz", words)(whole)

    return note


def _header(name, size, kind=tarfile.REGTYPE, **fields):
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    for field, value in fields.items():
        setattr(member, field, value)
    return member.tobuf(tarfile.GNU_FORMAT)


WHOLE = tar_bytes(FOLDER, props_files())


@_props_archive("is damaged: x states 8589934592 bytes, and the archive may unpack to")
def archive_of_a_foreign_member_of_eight_gigabytes():
    return gzipped_zeros(8 * GIGABYTE, _header("x", 8 * GIGABYTE))


@_props_archive("is damaged: it unpacks to more than 268435456 bytes")
def archive_of_many_foreign_members():
    return gzip.compress(b"".join(_header(f"{i}", 60 << 20) + bytes(60 << 20) for i in range(5)), 1)


@_props_archive("is damaged: it has more than 10000 members")
def archive_of_very_many_members():
    return gzip.compress(b"".join(_header(f"{i}", 0) for i in range(20_000)), 1)


@_props_archive("mug_1.pkl must hold at most 67108864 bytes; its header says 134217728")
def archive_of_a_large_pickle():
    return gzipped_zeros(1 << 27, _header(f"{FOLDER}/mug_1.pkl", 1 << 27))


@_props_archive("is damaged: it has long headers between its members")
def archive_of_a_long_extended_header():
    return gzip.compress(_header("x", 1 << 20, tarfile.XHDTYPE) + b"1" * (1 << 20) + WHOLE)


@_props_archive("is damaged: it has long headers between its members: 65536 bytes of 65536")
def archive_of_an_extended_header_that_is_not_quite_so_long():
    return gzip.compress(_header("x", 1 << 16, tarfile.XHDTYPE) + b"1" * (1 << 16) + WHOLE)


@_props_archive("is damaged: it has long headers between its members")
def archive_of_many_extended_headers():
    return gzip.compress((_header("x", 4096, tarfile.XHDTYPE) + b"1" * 4096 + _header("y", 0)) * 2000)


@_props_archive("is damaged: it has long headers between its members")
def archive_of_a_long_name():
    return gzip.compress(_header("x", 1 << 20, tarfile.GNUTYPE_LONGNAME) + b"n" * (1 << 20) + WHOLE)


@_props_archive("is damaged: it has members with holes")
def archive_of_holes():
    header = bytearray(_header("x", 1 << 20, tarfile.GNUTYPE_SPARSE))
    header[482], header[148:156] = 1, b" " * 8  # more blocks of holes follow; the checksum counts itself as blanks
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(header + (bytes(504) + b"\1" * 8) * 9999)


@_props_archive("is damaged: it has members with holes")
def archive_of_holes_by_an_extended_header():
    text = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n29 GNU.sparse.realsize=99999\n"
    holes = b"99999999\n" + b"0\n1\n" * 1_000_000
    return gzip.compress(_header("x", len(text), tarfile.XHDTYPE) + text.ljust(512, b"\0") + _header("y", len(holes)) + holes)


@_props_archive("it lacks|is damaged|must hold")
def archive_whose_header_states_a_negative_size():
    return gzip.compress(_header("x", 0)[:124] + b"\xff" * 12 + _header("x", 0)[136:] + WHOLE)


@_props_archive("must be a plain file; it is of type b'3'")
def archive_of_devices_and_paths_that_lead_out():
    leading = b"".join(
        _header(name, 0, kind, linkname="/etc/passwd")
        for name, kind in (
            (f"{FOLDER}/../../../../tmp/deeprob_fast_canary", tarfile.REGTYPE),
            ("/tmp/deeprob_fast_canary", tarfile.SYMTYPE),
            (f"{FOLDER}/zero.pkl", tarfile.CHRTYPE),
        )
    )
    return gzip.compress(leading + WHOLE)


@bomb("props", "a.tar", "must have at most 1073741824 bytes; it has 1099511627776")
def archive_of_a_terabyte_of_nothing(path):
    sparse(path, WHOLE, 1 << 40)


def _pickle(words):
    """Note a function that returns a pickle, which is written among those of PROPS."""

    def note(make):
        def whole(folder):
            write_files(folder, props_files() | {"mug_1.pkl": make()})

        whole.__name__ = make.__name__
        return bomb("props", "pickles", f"mug_1.pkl must be a pickle of .*{words}")(whole)

    return note


def _doubled(start, join, number=40):
    """Return instructions that put twice the last value into each next one."""
    return start + b"\x94" + b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + join + b"\x94" for i in range(number))


TWICE = "it holds a list, set, dict or nested tuple in two places"


@_pickle(TWICE)
def pickle_whose_key_is_a_trillion_empty_tuples():
    return b"\x80\x04}(" + _doubled(b")", b"\x86") + b"K\1u."


@_pickle(TWICE)
def pickle_of_a_trillion_tuples():
    return b"\x80\x04" + _doubled(b")", b"\x86") + b"."


@_pickle(TWICE)
def pickle_of_a_trillion_lists():
    links = b"".join(b"]\x94h" + bytes([i]) + b"ah" + bytes([i]) + b"a" for i in range(40))
    return b"\x80\x04]\x94" + links + b"."


@_pickle(TWICE)
def pickle_of_a_list_of_itself():
    return b"\x80\x04]\x94h\0a."


@_pickle("it is nested more than 8 deep")
def pickle_of_a_million_lists_one_in_the_other():
    return b"\x80\x04" + b"(" * 1_000_000 + b"l" * 1_000_000 + b"."


@_pickle("it is nested more than 8 deep")
def pickle_whose_key_is_nested_deep():
    return b"\x80\x04})" + b"\x85" * 500_000 + b"Ns."


@_pickle("it takes more than 2097152 instructions")
def pickle_of_very_many_values():
    return b"\x80\x04(" + b"N" * 60_000_000 + b"l."


@_pickle("its sets and dicts have more than 1024 entries")
def pickle_of_a_set_of_numbers_of_one_hash():
    numbers = b"".join(b"\x8a\x0b" + (i * (2**61 - 1)).to_bytes(11, "little") for i in range(1, 50_000))
    return b"\x80\x02cbuiltins\nset\n](" + numbers + b"e\x85R."


@_pickle("it holds a key that is not a number, a string or a short tuple of them")
def pickle_of_a_dict_of_numbers_of_one_hash():
    numbers = b"".join(b"\x8a\x0b" + (i * (2**61 - 1)).to_bytes(11, "little") + b"N" for i in range(1, 500))
    return b"\x80\x04}(" + numbers + b"u."


@_pickle("it holds <an integer of 8388607 bits>")
def pickle_of_an_integer_of_a_megabyte():
    return b"\x80\x04\x8b" + struct.pack("<i", 1 << 20) + b"\x7f" * (1 << 20) + b"."


@_pickle("")
def pickle_of_an_integer_of_a_million_digits():
    return b"I" + b"9" * 1_000_000 + b"\n."


@_pickle("it numbers a value 1048576")
def pickle_with_a_gap_in_its_memo():
    return b"\x80\x04" + b"N" * 1_100_000 + b"r" + struct.pack("<I", 1 << 20) + b"."


@_pickle("it holds the instruction FROZENSET")
def pickle_of_a_frozen_set():
    return pickle.dumps(frozenset([1]), 4)


@_pickle("it gives a state to what has none")
def pickle_that_gives_a_state_to_a_function():
    return b"cnumpy.core.multiarray\n_reconstruct\nN}U\x08__code__Ns\x86b."


@_pickle("it names .*\\\\x1b")
def pickle_of_a_name_that_steers_a_terminal():
    return b"c\x1b[2J" + b"x" * (1 << 20) + b"\nx\n."


@bomb("props", "pickles", "must hold at most 67108864 bytes; it holds 1099511627776")
def pickle_of_a_terabyte_of_nothing(folder):
    write_files(folder, props_files())
    sparse(folder / "mug_1.pkl", props_files()["mug_1.pkl"], 1 << 40)


@bomb("props", "pickles", "mug_1.pkl must be a regular file; it is a pipe")
def pickle_that_is_a_pipe(folder):
    write_files(folder, props_files())
    (folder / "mug_1.pkl").unlink()
    os.mkfifo(folder / "mug_1.pkl")


@bomb("props", "npy", "X.npy is damaged: its header must have at most 10000 bytes")
def converted_props_with_a_long_header(folder):
    write_files(folder, {"X.npy": b"\x93NUMPY\2\0" + struct.pack("<I", 400 << 20) + b" " * (400 << 10)})


@bomb("props", "npy", "groups.npy must hold text; it holds the character 0xffffffff")
def converted_props_of_text_that_is_none(folder):
    arrays: dict[str, Any] = {"X": np.zeros((2, 3072), np.uint8), "X_test": np.zeros((1, 3072), np.uint8)}
    arrays |= {"y": np.zeros(2, np.uint8), "y_test": np.zeros(1, np.uint8), "groups": np.full(2, 2**32 - 1, "<u4").view("<U1")}
    files = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array)
        files[f"{name}.npy"] = buffer.getvalue()
    write_files(folder, files)
