# mixture: json, regular expressions, sorting, generators, exceptions, and callbacks from C by ctypes.
import ctypes
import json
import re
import sys
import zlib

libc = ctypes.CDLL(None)
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


def by_value(a, b):
    return a[0] - b[0]


def from_c(n):
    numbers = (ctypes.c_int * 40)(*[i * 7 % 41 + n for i in range(40)])
    libc.qsort(numbers, 40, ctypes.sizeof(ctypes.c_int), COMPARE(by_value))
    return numbers[0]


def depth(n):
    if n == 0:
        raise ValueError("deep")
    return depth(n - 1)


def one_round(n):
    rows = [{"id": i, "name": "row %d" % i, "values": list(range(15))} for i in range(40)]
    text = json.dumps(json.loads(json.dumps(rows)), sort_keys=True)
    words = sorted(re.findall(r'"(\w+)": (\d+)', text), key=lambda w: (w[1], w[0]))
    try:
        depth(20)
    except ValueError as e:
        text += str(e)
    return len(words) + sum(x * x for x in range(200)) + from_c(n) + zlib.crc32(zlib.compress(text.encode()))


print(sum(one_round(i) for i in range(int(sys.argv[1]))))
