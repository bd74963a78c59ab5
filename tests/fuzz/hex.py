#!/usr/bin/env python3
"""hex.py encode FILE >TEXT, hex.py decode TEXT >FILE: fuzz inputs as text, so that none is committed as a binary.

A line is an offset and the bytes there, both in hexadecimal; what no line gives is zero; "end" gives the size. Anything
from a '#' on is a remark.
"""
import sys


def encode(data):
    for at in range(0, len(data), 32):
        row = data[at : at + 32]
        if any(row):
            yield f"{at:04x} {row.hex(' ', 4)}"
    yield f"{len(data):04x} end"


def decode(text):
    rows = [line.split("#")[0].split() for line in text.splitlines()]
    data = bytearray()
    for at, *fields in filter(None, rows):
        piece = b"" if fields == ["end"] else bytes.fromhex("".join(fields))
        data.extend(bytes(int(at, 16) + len(piece) - len(data)))
        data[int(at, 16) : int(at, 16) + len(piece)] = piece
    return bytes(data)


with open(sys.argv[2], "rb") as file:
    given = file.read()
if sys.argv[1] == "encode":
    print("\n".join(encode(given)))
else:
    sys.stdout.buffer.write(decode(given.decode()))
