"""Checks a ledger export with nothing of the project: Python's standard library and openssl.

Written from RFC 6962 section 2.1 and the C2SP pages signed-note, tlog-checkpoint and tlog-tiles; the
root is computed by the recursive definition of the RFC, not the way the gateway does it.

usage: verify-export.py EXPORT VKEY      prints "ok ENTRIES CHECKPOINTS", or exits with 1
"""
import base64
import hashlib
import os
import struct
import subprocess
import sys
import tempfile


def sha256(data):
    return hashlib.sha256(data).digest()


def mth(hashes):
    """MTH of RFC 6962 over leaf hashes."""
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:]))


def tile_path(level, index, width):
    text = "%03d" % (index % 1000)
    index //= 1000
    while index:
        text = "x%03d/%s" % (index % 1000, text)
        index //= 1000
    return "tile/%s/%s%s" % (level, text, "" if width == 256 else ".p/%d" % width)


def tiles(size):
    for index in range((size + 255) // 256):
        yield index, min(256, size - index * 256)


def read(root, path):
    with open(os.path.join(root, path), "rb") as file:
        return file.read()


def ed25519_ok(public_key, message, signature):
    spki = bytes.fromhex("302a300506032b6570032100") + public_key
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for name, data in (("key", spki), ("msg", message), ("sig", signature)):
            names[name] = os.path.join(folder, name)
            with open(names[name], "wb") as file:
                file.write(data)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"]
        command += ["-inkey", names["key"], "-in", names["msg"], "-sigfile", names["sig"]]
        return subprocess.run(command, capture_output=True).returncode == 0


def check_note(note, vkey):
    """Returns origin, size and root of a checkpoint signed by the key."""
    name, key_id, material = vkey.split("+", 2)
    key = base64.b64decode(material)
    assert key[0] == 1, "not an Ed25519 key"
    expected_id = sha256(name.encode() + b"\n" + key)[:4]
    assert expected_id.hex() == key_id, "key id"
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, blob = line.split(" ")
        blob = base64.b64decode(blob)
        if dash == "\u2014" and signer == name and blob[:4] == expected_id:
            assert ed25519_ok(key[1:], text.encode(), blob[4:]), "signature"
            origin, size, root = text.splitlines()[:3]
            return origin, int(size), base64.b64decode(root)
    raise AssertionError("not signed by " + name)


def main(root, vkey):
    _, size, expected = check_note(read(root, "checkpoint").decode(), vkey)
    leaves = []
    entries = 0
    for index, width in tiles(size):
        tile = read(root, tile_path(0, index, width))
        assert len(tile) == 32 * width, "tile width"
        hashes = [tile[i * 32 : i * 32 + 32] for i in range(width)]
        bundle_file = os.path.join(root, tile_path("entries", index, width))
        if os.path.exists(bundle_file):
            bundle = read(root, tile_path("entries", index, width))
            at = 0
            for leaf in hashes:
                (length,) = struct.unpack_from(">H", bundle, at)
                entry = bundle[at + 2 : at + 2 + length]
                assert sha256(b"\x00" + entry) == leaf, "entry %d" % entries
                at += 2 + length
                entries += 1
            assert at == len(bundle), "bundle length"
        leaves += hashes
    assert mth(leaves) == expected, "root"
    upper, level = size // 256, 1
    while upper:
        for index, width in tiles(upper):
            tile = read(root, tile_path(level, index, width))
            for i in range(width):
                span = 256**level
                start = (index * 256 + i) * span
                assert mth(leaves[start : start + span]) == tile[i * 32 : i * 32 + 32], "upper tile"
        upper, level = upper // 256, level + 1
    count = 0
    for name in os.listdir(os.path.join(root, "checkpoints")):
        _, old, head = check_note(read(root, "checkpoints/" + name).decode(), vkey)
        assert old == int(name) and mth(leaves[:old]) == head, "checkpoint " + name
        count += 1
    print("ok %d %d" % (entries, count))


try:
    main(sys.argv[1], sys.argv[2])
except (AssertionError, OSError, ValueError, struct.error) as error:
    print("not whole: %r" % error)
    sys.exit(1)
