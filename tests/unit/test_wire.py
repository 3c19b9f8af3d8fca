"""Frames and values: everything plain crosses exactly, everything else is refused, and nothing hostile is believed."""

import contextlib
import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.sandbox.inside.arrays import DTYPES, NAMES
from assay.sandbox.inside.refusals import Refused
from assay.sandbox.inside.values import Decoder, Encoder, Torch
from assay.sandbox.inside.wire import PREFIX, SMALL, Blob, Caps, Frames, Into, WireError, pack
from tests.support.workers import frame

CAPS = Caps()


def other(value: object) -> list[Any]:
    return ["o", 1, type(value).__name__]


def bytes_of(value: object, caps: Caps = CAPS) -> bytes:
    encoder = Encoder(other, caps)
    return b"".join(pack({"value": encoder.encode(value)}, encoder.parts, caps))


def source_of(data: bytes, *, at_once: int = 2**63) -> Into:
    """What a channel is to `read`, with these bytes in it, which come so many at a time."""
    left = memoryview(data)

    def into(memory: memoryview | bytearray) -> int:
        nonlocal left
        size = min(len(left), len(memory), at_once)
        if not size:
            raise EOFError
        memory[:size] = left[:size]
        left = left[size:]
        return size

    return into


def value_in(message: dict[str, Any], blob: Blob, caps: Caps = CAPS) -> Any:
    decoder = Decoder(blob, {"T": lambda node: node[1]}, caps)
    value = decoder.decode(message["value"])
    decoder.finish()
    return value


def value_of(data: bytes, caps: Caps = CAPS, *, at_once: int = 2**63) -> Any:
    return value_in(*Frames(source_of(data, at_once=at_once)).next(caps), caps)


def there_and_back(value: object) -> Any:
    return value_of(bytes_of(value))


def same(got: Any, sent: Any) -> bool:
    """Equal in type, dtype, shape and every bit."""
    if type(got) is not type(sent):
        return False
    if isinstance(sent, np.ndarray | np.generic):
        return got.dtype == sent.dtype and got.shape == sent.shape and got.tobytes() == sent.tobytes()
    if isinstance(sent, tuple | list):
        return len(got) == len(sent) and all(map(same, got, sent))
    if isinstance(sent, dict):
        return list(got) == list(sent) and all(same(got[key], sent[key]) for key in sent)
    return got == sent or (got != got and sent != sent)


SCALARS = (None, True, False, 0, -1, 2**70, -(10**3000), "", "é🙂\n\0")
FLOATS = (0.0, -0.0, 0.1, 1e308, 5e-324, math.inf, -math.inf, math.nan)


class TestPlainValues:
    @pytest.mark.parametrize(
        "value",
        [
            None,
            True,
            False,
            0,
            -1,
            2**70,
            -(10**3000),
            0.0,
            -0.0,
            1e308,
            5e-324,
            math.inf,
            -math.inf,
            math.nan,
            "",
            "é🙂\n\0",
        ],
        ids=repr,
    )
    def test_scalars(self, value: object) -> None:
        assert same(there_and_back(value), value)
        assert math.copysign(1, there_and_back(-0.0)) == -1

    @pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
    @pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3), (2, 1, 3, 1, 2)], ids=str)
    def test_arrays(self, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        array = (np.arange(math.prod(shape)) % 2).reshape(shape).astype(dtype)
        got = there_and_back(array)
        assert same(got, array) and type(got) is np.ndarray
        assert got.flags.writeable and got.flags.c_contiguous

    @pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
    def test_numpy_scalars_keep_their_dtype(self, dtype: np.dtype) -> None:
        assert same(there_and_back(dtype.type(1)), dtype.type(1))

    @pytest.mark.parametrize(
        "array",
        [
            np.asfortranarray(np.arange(12.0).reshape(3, 4)),
            np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1),
            np.arange(20.0)[::-3],
            np.arange(24.0).reshape(4, 6)[1:3, ::2],
            np.broadcast_to(np.arange(3.0), (4, 3)),
            np.array([np.nan, np.inf, -np.inf, -0.0], np.float32),
        ],
        ids=["fortran", "transposed", "backwards", "strided", "broadcast", "not finite"],
    )
    def test_any_layout_arrives_in_c_order(self, array: np.ndarray) -> None:
        assert same(there_and_back(array), array.copy(order="C"))

    def test_big_endian_becomes_native(self) -> None:
        got = there_and_back(np.array([1, 2, 3], ">i4"))
        assert got.dtype == np.dtype("int32") and got.tolist() == [1, 2, 3]

    def test_nested(self) -> None:
        value = {"a": [1, (2.5, None, [])], 7: {"b": (np.arange(3), {}, ())}, -2: ["x", np.float32(1)]}
        assert same(there_and_back(value), value)

    def test_numpy_integers_as_keys_become_int(self) -> None:
        assert same(there_and_back({np.int64(3): 1}), {3: 1})

    @given(hnp.arrays(st.sampled_from(list(DTYPES.values())), hnp.array_shapes(min_dims=0, min_side=0, max_dims=4)))
    @settings(max_examples=100, deadline=None)
    def test_every_array(self, array: np.ndarray) -> None:
        assert same(there_and_back(array), array)

    def test_torch_arrives_as_an_array_where_there_is_no_torch(self) -> None:
        assert same(there_and_back([Torch(np.arange(3.0))]), [np.arange(3.0)])


class Word(str):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__
    strip = encode = __str__ = lambda self: "forged"  # type: ignore[assignment]


class Whole(int):
    def __int__(self) -> int:
        return 99

    __index__ = __int__

    def __str__(self) -> str:
        return "99"


class Real(float):
    def __float__(self) -> float:
        return 99.0

    def hex(self) -> str:
        return "0x1.0p+9"

    def __ge__(self, other: object) -> bool:
        return True


class Row(list):
    def __iter__(self) -> Any:
        return iter([1, 1, 1, 1])

    def __len__(self) -> int:
        return 4


class Table(dict):
    def items(self) -> Any:
        return {"forged": 1}.items()


class Point(NamedTuple):
    x: int
    y: float


class Lying(np.ndarray):
    def copy(self, *args: Any, **kwargs: Any) -> Any:
        return np.zeros(9)

    tobytes = __array__ = astype = copy

    def __array_finalize__(self, obj: object) -> None:
        pass

    def __array_function__(self, *args: Any) -> Any:
        return True


class TestSubclassesCrossAsTheirBase:
    @pytest.mark.parametrize(
        ("value", "base"),
        [
            (Word("a"), "a"),
            (np.str_("a"), "a"),
            (Whole(3), 3),
            (Real(0.5), 0.5),
            (Row([7, 8]), [7, 8]),
            (Table(a=1), {"a": 1}),
            ({Word("a"): 1}, {"a": 1}),
            (Point(1, 2.0), (1, 2.0)),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_without_their_own_methods(self, value: object, base: object) -> None:
        assert same(there_and_back(value), base)

    def test_array_subclasses(self) -> None:
        assert same(there_and_back(np.arange(4.0).view(Lying)), np.arange(4.0))
        assert same(
            there_and_back(np.arange(6.0).reshape(2, 3)[:, ::2].view(Lying)), np.array([[0.0, 2.0], [3.0, 5.0]])
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("value", "says"),
        [
            (np.zeros(2, complex), "complex128"),
            (np.complex64(1), "complex64"),
            (np.array([object()]), "dtype object"),
            (np.array([[1], [2, 3]], dtype=object), "dtype object"),
            (np.array(["a"]), "<U1"),
            (np.zeros(2, "datetime64[s]"), "datetime64"),
            (np.zeros(2, np.longdouble), "dtype"),
            (np.zeros(2, [("a", float)]), "dtype"),
            (np.ma.masked_all((2, 3)), "masked array"),
            ((n for n in range(3)), "a generator, which has no values until it runs"),
            (map(str, []), "iterator"),
            (iter([1]), "iterator"),
            ({1, 2}, "a set, which has no order"),
            (frozenset(), "a set"),
            (range(3), "a range"),
            ({}.keys(), "view of a dict"),
            (1j, "complex"),
            (b"ab", "bytes"),
            (..., "placeholder"),
            ("\ud800", "half a character"),
            ({1.5: 0}, "key of type float"),
            ({True: 0}, "key of type bool"),
            ({(1, 2): 0}, "key of type tuple"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_what_is_not_plain_data(self, value: object, says: str) -> None:
        with pytest.raises(Refused, match=says) as refused:
            bytes_of([value])
        assert refused.value.kind == "type"

    @pytest.mark.parametrize(
        ("value", "says"),
        [
            ([0] * 10_001, "more than 10000 values"),
            (10**5000, "digits"),
            (np.broadcast_to(0.0, (10**6, 10**6)), "too large together: more than 67108864 bytes"),
            ("x" * 2**21, "bytes; use an array"),
        ],
        ids=["nodes", "digits", "blob", "header"],
    )
    def test_what_is_too_large(self, value: object, says: str) -> None:
        with pytest.raises(Refused, match=says) as refused:
            bytes_of(value)
        assert refused.value.kind == "size"

    def test_what_is_too_deep_or_contains_itself(self) -> None:
        endless: list[Any] = []
        endless.append(endless)
        with pytest.raises(Refused, match="more than 16 deep"):
            bytes_of(endless)

    def test_sixteen_deep_is_fine(self) -> None:
        value: Any = 1
        for _ in range(16):
            value = (value,)
        assert same(there_and_back(value), value)

    def test_a_refused_value_leaves_no_array_behind(self) -> None:
        encoder = Encoder(other, CAPS)
        with pytest.raises(Refused):
            encoder.attempt([np.zeros(3), {1}])
        assert encoder.attempt(np.ones(2)) == ["a", "F64", [2]] and encoder.parts == [np.ones(2).tobytes()]


class TestHostileBytes:
    @pytest.mark.parametrize(
        "header",
        [
            "",
            "garbage",
            "[]",
            "7",
            '{"value": NaN}',
            '{"value": Infinity}',
            '{"value": 1.5}',
            '{"value": null, "value": true}',
            '{"value": null} ',
            '{"value": null}{}',
            '{"value": "\u00e9"}',
            "[" * 100_000,
            '{"value":' + "[" * 100_000,
            '{"value": ' + "9" * 5000 + "}",
        ],
        ids=lambda text: text[:20] or "empty",
    )
    def test_headers_that_are_not_a_message(self, header: str) -> None:
        with pytest.raises(WireError):
            value_of(frame(header))

    @pytest.mark.parametrize(
        "node",
        [
            7,
            {},
            {"t": "handle", "n": 0},
            [],
            [None],
            [[]],
            ["?"],
            ["__class__"],
            ["i"],
            ["i", 7],
            ["i", "7", "7"],
            ["i", "0x7"],
            ["i", "07"],
            ["i", "1_000"],
            ["i", " 7"],
            ["i", "7\n"],
            ["i", "٧"],
            ["i", "9" * 4001],
            ["f", "1.5"],
            ["f", "0x1.8p+99999"],
            ["f", "0x1.8p+1 "],
            ["f", "infinity"],
            ["f", "0x1.8p+9999"],
            ["d", ["a"]],
            ["d", ["a", None, None]],
            ["d", ["a", None], ["a", None]],
            ["d", ["1", None], [["i", "1"], None], ["1", None]],
            ["d", [["f", "nan"], None]],
            ["d", [None, None]],
            ["d", [["l"], None]],
            ["l", "\ud800"],
            ["a"],
            ["a", 0],
            ["a", "F64"],
            ["a", "F64", 0],
            ["a", "F64", "0"],
            ["a", "F64", {}],
            ["a", "F64", None],
            ["a", "F64", [0.0]],
            ["a", "F64", [True, 0]],
            ["a", "F64", [None]],
            ["a", "F64", [[0]]],
            ["a", None, [0]],
            ["a", ["F64"], [0]],
            ["a", "f64", [0]],
            ["a", "F64", [0], 0],
            ["a", "F64", [0], 0, 0],
            ["T", "F64"],
            ["s", "F64"],
            ["seed", "7"],
            ["o", 1, "Value"],
            ["c", 1],
            ["gone"],
        ],
        ids=repr,
    )
    def test_nodes_that_are_no_value(self, node: Any) -> None:
        with pytest.raises(WireError):
            value_of(frame({"value": node}))

    def test_too_deep(self) -> None:
        node: Any = None
        for _ in range(17):
            node = ["l", node]
        with pytest.raises(WireError, match="deep"):
            value_of(frame({"value": node}))

    def test_too_many_values(self) -> None:
        with pytest.raises(WireError, match="too many"):
            value_of(frame({"value": ["l", *[None] * 10_000]}))

    @pytest.mark.parametrize(
        ("node", "data"),
        [
            (["a", "F64", [1]], b"x"),
            (["a", "F64", [1]], b""),
            (["a", "F64", [2]], bytes(8)),
            (["a", "F64", [1]], bytes(16)),
            (["a", "F64", [0]], bytes(8)),
            (["a", "I8", [3]], bytes(3)),
            (["a", "F64", [-1]], bytes(8)),
            (["a", "F64", [2**62, 4]], bytes(8)),
            (["a", "F64", [2**70]], bytes(8)),
            (["a", "F64", [0, 2**62, 2**62]], b""),
            (["a", "F64", [1] * 100], bytes(8)),
            (["a", "BF16", [4]], bytes(8)),
            (["a", "F8_E4M3", [8]], bytes(8)),
            (["a", "C64", [1]], bytes(8)),
            (["a", "O", [1]], bytes(8)),
            (["a", "BOOL", [1]], b"\2" + bytes(7)),
            (["a", "BOOL", [8]], b"\1" * 7 + b"\xff"),
            (["l", ["a", "F64", [1]], ["a", "F64", [1]]], bytes(8)),
            (["l", ["a", "I8", [1]], ["a", "F64", [1]]], bytes(9)),
            (["s", "F64", [1]], bytes(8)),
            (None, bytes(8)),
        ],
        ids=[
            "one byte", "no data", "too little data", "data left over", "data for nothing", "not filled up",
            "negative", "overflow", "beyond all ints", "overflow without data", "rank", "bfloat16", "float8", "complex",
            "object", "truth value 2", "truth value 255", "shared", "overlap", "scalar with shape", "nobody's",
        ],
    )  # fmt: skip
    def test_blobs_that_are_no_arrays(self, node: Any, data: bytes) -> None:
        with pytest.raises(WireError):
            value_of(frame({"value": node}, data))

    @pytest.mark.parametrize("prefix", [(2**32 - 1, 0), (2**20 + 1, 0), (2, 2**63), (2, 2**40), (2, 2**26 + 1)])
    def test_lengths_are_refused_before_anything_is_read(self, prefix: tuple[int, int]) -> None:
        asked = []

        def into(memory: memoryview | bytearray) -> int:
            asked.append(len(memory))
            memory[: PREFIX.size] = PREFIX.pack(*prefix)
            return PREFIX.size

        with pytest.raises(WireError, match="more than"):
            Frames(into).next(CAPS)
        assert len(asked) == 1

    @pytest.mark.parametrize("at_once", [1, 7, 12, 13, 50, 2**12])
    def test_a_frame_may_come_in_any_pieces(self, at_once: int) -> None:
        value = [np.arange(5.0), "x" * 100]
        assert same(value_of(bytes_of(value), at_once=at_once), value)

    @pytest.mark.parametrize("at_once", [4_000, SMALL - 1, SMALL, 2**40])
    @pytest.mark.parametrize("text", [0, 100_000], ids=["short header", "long header"])
    @pytest.mark.parametrize("count", [0, SMALL // 8 - 20, SMALL // 8, 100_000])
    def test_frames_larger_than_the_buffer(self, count: int, text: int, at_once: int) -> None:
        value = ["x" * text, np.arange(float(count)), np.ones(3, bool), np.arange(count, dtype=np.int8)]
        assert same(value_of(bytes_of(value), at_once=at_once), value)

    def test_the_lengths_of_a_large_frame_are_kept_too(self) -> None:
        data = bytes_of(np.zeros(100_000))
        with pytest.raises(EOFError):
            value_of(data[:-1])
        with pytest.raises(WireError, match="belong to no array"):
            value_of(frame({"value": ["a", "F64", [100_000]]}, bytes(800_008)))
        with pytest.raises(WireError, match="not JSON"):
            value_of(frame("x" * 100_000, bytes(800_000)))

    @pytest.mark.parametrize("at_once", [1, 7, 100, 4_000, SMALL - 1, SMALL, 2**40])
    def test_several_frames_may_come_at_once(self, at_once: int) -> None:
        counts = [4, 0, 2_000, SMALL // 8 - 20, 3, 100_000, 5, 6]
        sent = [np.arange(float(count)) for count in counts]
        frames = Frames(source_of(b"".join(map(bytes_of, sent)), at_once=at_once))
        for number, each in enumerate(sent):
            assert same(value_in(*frames.next(CAPS)), each)
            assert not frames.waiting or number < len(sent) - 1
        assert not frames.waiting

    def test_frames_that_came_at_once_lie_apart(self) -> None:
        sent = [np.arange(4.0), np.ones(4), np.zeros(2, np.int8)]
        frames = Frames(source_of(b"".join(map(bytes_of, sent))))
        got = [value_in(*frames.next(CAPS)) for _ in sent]
        assert same(got, sent)
        got[0][:] = 7
        assert same(got[1:], sent[1:])

    @given(st.lists(st.sampled_from(list(DTYPES.values())).flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes()))))
    @settings(max_examples=100, deadline=None)
    def test_arrays_of_one_frame_lie_apart(self, arrays: list[np.ndarray]) -> None:
        got = value_of(bytes_of(arrays))
        assert same(got, arrays)
        for index, array in enumerate(got):
            array[...] = 1
            assert array.flags.aligned and same(got[index + 1 :], arrays[index + 1 :])

    @given(st.sampled_from(list(NAMES.values())), st.lists(st.integers(-1, 9), max_size=5), st.binary(max_size=64))
    @settings(max_examples=200, deadline=None)
    def test_any_shape_on_any_bytes_is_a_wire_error_or_an_array_of_these_bytes(
        self, name: str, shape: list[int], data: bytes
    ) -> None:
        with contextlib.suppress(WireError):
            got = value_of(frame({"value": ["a", name, shape]}, data))
            assert got.shape == tuple(shape) and data.startswith(got.tobytes()) and len(data) - got.nbytes < 8

    @given(st.data())
    @settings(max_examples=200, deadline=None)
    def test_damage_is_a_wire_error_or_another_plain_value(self, data: st.DataObject) -> None:
        frame = bytearray(bytes_of([np.arange(3), {"a": (1.5, True)}, "x"]))
        for _ in range(data.draw(st.integers(1, 4))):
            frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
        # EOFError: more was announced than there is; KeyError: "value" got another name
        with contextlib.suppress(WireError, EOFError, KeyError):
            value_of(bytes(frame))
