#!/usr/bin/env python3
"""Puts a recovery key together from shares, without lifeboat: python3 combine-shares.py FILE... > me.key

A share is a bech32m text. Its bytes: format (1), how many are needed, how many there are, its number, four bytes of its set, eight bytes of the
SHA-256 of the public key, 32 points, and four bytes of the SHA-256 of "lifeboat share 1", a line feed and all before. The points of the shares
lie on a polynomial for each byte of the key, over the field of 256 elements with the polynomial 0x11d; the key is its value at 0 (Shamir's scheme).
"""

import hashlib
import sys

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
PREFIX = "lifeboat-share1"


def share(line):
    text = "".join(line.split()).lower()
    values = [LETTERS.index(letter) for letter in text[len(PREFIX):-6]]
    bits = "".join(f"{value:05b}" for value in values)
    data = bytes(int(bits[at:at + 8], 2) for at in range(0, len(bits) // 8 * 8, 8))
    if len(data) != 52 or data[0] != 1 or data[48:] != hashlib.sha256(b"lifeboat share 1\n" + data[:48]).digest()[:4]:
        sys.exit("a share has a wrong or missing character: compare it with the paper")
    return data


def times(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (0x11d if a & 0x80 else 0)
        b >>= 1
    return product


def inverse(a):
    result = 1
    for _ in range(254):
        result = times(result, a)
    return result


def bech32(name, data):
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    values = [int(bits[at:at + 5], 2) for at in range(0, len(bits), 5)]
    check = 1
    for value in [ord(c) >> 5 for c in name] + [0] + [ord(c) & 31 for c in name] + values + [0] * 6:
        top = check >> 25
        check = (check & 0x1ffffff) << 5 ^ value
        for bit, generator in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            check ^= generator if top >> bit & 1 else 0
    check ^= 1
    return name + "1" + "".join(LETTERS[value] for value in values + [check >> 5 * (5 - at) & 31 for at in range(6)])


def main():
    found = {}
    for path in sys.argv[1:]:
        with open(path, encoding="ascii") as file:
            for line in file:
                if line.strip().lower().startswith(PREFIX):
                    data = share(line)
                    found[data[3]] = data
    if len({(data[1], data[4:16]) for data in found.values()}) != 1:
        sys.exit("give the shares of one set alone")
    need = next(iter(found.values()))[1]
    if len(found) < need:
        sys.exit(f"{need} shares are needed, and {len(found)} given")
    key = bytearray(32)
    for x, data in found.items():
        weight = 1
        for other in found:
            if other != x:
                weight = times(weight, times(other, inverse(other ^ x)))
        for at in range(32):
            key[at] ^= times(weight, data[16 + at])
    print(bech32("age-secret-key-", bytes(key)).upper())


main()
