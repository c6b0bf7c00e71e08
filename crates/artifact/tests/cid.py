# SPDX-License-Identifier: Apache-2.0
"""Makes cid.txt: identifiers of files of several sizes, from the formats' definitions and nothing else.

Run it as: python3 cid.py > cid.txt
"""
import hashlib


def varint(value):
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def message(*fields):
    """A protobuf message: (field number, int or bytes) in the order given."""
    out = b""
    for key, value in fields:
        if isinstance(value, int):
            out += varint(key << 3) + varint(value)
        else:
            out += varint(key << 3 | 2) + varint(len(value)) + value
    return out


def store(children, unixfs):
    """A dag-pb node: (hash, size of everything, size of the file)."""
    links = [(2, message((1, child[0]), (2, b""), (3, child[1]))) for child in children]
    block = message(*links, (1, unixfs))
    return b"\x12\x20" + hashlib.sha256(block).digest(), len(block) + sum(child[1] for child in children)


def add(content):
    chunks = [content[at:at + 262144] for at in range(0, len(content), 262144)]
    nodes = [store([], message((1, 2), (2, chunk), (3, len(chunk)))) + (len(chunk),) for chunk in chunks]
    while len(nodes) > 1:
        above = []
        while nodes:
            group, nodes = nodes[:174], nodes[174:]
            size = sum(node[2] for node in group)
            above.append(store(group, message((1, 2), (3, size), *[(4, node[2]) for node in group])) + (size,))
        nodes = above
    return nodes[0][0]


def base58(raw):
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + text
    return text


for length in [1, 100, 262143, 262144, 262145, 1000000, 262144 * 174, 262144 * 174 + 1, 262144 * 180]:
    # The pattern repeats after 251 * 256 bytes, because 256 divides both of its terms' steps there.
    period = bytes((i * 7 + i // 251) % 256 for i in range(min(length, 251 * 256)))
    content = (period * (length // len(period) + 1))[:length]
    print(length, base58(add(content)))
