#!/usr/bin/env python3
"""Restores from a lifeboat repository (format 1) with nothing but age, zstd and python3.

    recover.py list    REPO                          restore points; needs no key
    recover.py restore REPO KEY POINT OUT [PATH]     POINT as list shows it, or the first part of its name that no other
                                                     has; OUT must not exist; PATH: this and below

REPO is a folder that holds a copy of the repository. KEY is a file with an AGE-SECRET-KEY-1… line (or an age plugin
identity). What cannot be restored is named, the rest is restored, and the exit code is 1. docs/format.md has the format.
"""
import base64, collections, hashlib, hmac, json, os, stat, subprocess, sys, tempfile

# Ed25519 verification (RFC 8032, 5.1.7); python3 has none of its own. Slow and not constant-time: it sees no secret.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P

def times(n, p):
    q = (0, 1, 1, 0)
    while n:
        if n & 1: q = add(q, p)
        p, n = add(p, p), n >> 1
    return q

def point(data):
    y = int.from_bytes(data, "little"); sign, y = y >> 255, y & (2**255 - 1)
    if len(data) != 32 or y >= P: raise ValueError("not the one spelling of a point")
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P: x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - xx) % P: raise ValueError("not a point of the curve")
    if x == 0 and sign: raise ValueError("not the one spelling of a point")
    if x & 1 != sign: x = P - x
    return x, y, 1, x * y % P

def weak(p): return (times(8, p)[0]) % P == 0 # of small order: such a key accepts what nobody signed

def signed(key, message, signature):
    if len(signature) != 64 or weak(point(key)) or weak(point(signature[:32])): return False
    base, s = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")), int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    a, b = times(s, base), add(point(signature[:32]), times(h, point(key)))
    return s < L and (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0

# CBOR (RFC 8949), as much of it as the format uses.
def cbor(data, at=0):
    head, at = data[at], at + 1
    kind, n = head >> 5, head & 31
    if kind == 7 and n == 22: return None, at
    if 24 <= n <= 27:
        size = 1 << (n - 24); n, at = int.from_bytes(data[at:at + size], "big"), at + size
    if kind == 0: return n, at
    if kind == 1: return -1 - n, at
    if kind in (2, 3):
        text = data[at:at + n]
        if len(text) != n: raise ValueError("CBOR is cut short")
        return (text if kind == 2 else text.decode()), at + n
    if kind != 4: raise ValueError("CBOR of another kind")
    items = []
    for _ in range(n):
        item, at = cbor(data, at); items.append(item)
    return items, at

def sequence(data):
    """The items of a directory: behind its head [format] one node after the other."""
    head, at = cbor(data)
    if head != [1]: raise ValueError("not of format 1")
    while at < len(data):
        item, at = cbor(data, at); yield item

def versioned(data):
    value, end = cbor(data)
    if end != len(data) or value[0] != 1: raise ValueError("not of format 1")
    return value[1:]

def best(repo, path):
    """Where to read an object: right bytes may lie beside damaged ones, as healed/<name>/<sha256>."""
    name = path[-64:]
    if len(name) == 64 and name.isalnum() and os.path.exists(path):
        beside = f"{repo}/healed/{os.path.relpath(path, repo)}/{name}"
        if os.path.exists(beside) and hashlib.sha256(open(beside, "rb").read()).hexdigest() == name: return beside
    return path

def fail(text): sys.exit(f"recover.py: {text}")
sys.setrecursionlimit(1 << 16) # directories are deep at times
faults = []
def plain(text): return "".join(c if c.isprintable() else "?" for c in str(text)) # names from storage never move a cursor
def fault(text):
    text = plain(text)
    if text not in faults: faults.append(text); print(f"recover.py: {text}", file=sys.stderr)

# Who may write: repository.json, then each trust document signed by an owner whom the one before it names.
def owned(path, owners):
    document, *lines = open(path, "rb").read().rstrip(b"\n").split(b"\n")
    for line in map(json.loads, lines):
        message = b"lifeboat owner statement 1\n" + document
        if line["key"] in owners and signed(bytes.fromhex(line["key"]), message, bytes.fromhex(line["signature"])): return json.loads(document)
    raise ValueError("no owner has signed it")

def trust(repo):
    try:
        owner = json.loads(open(f"{repo}/repository.json", "rb").readline())["owner"]
        config = owned(f"{repo}/repository.json", [owner])
        if config["format"] != 1: raise ValueError(f"it is of format {config['format']}, and this script reads format 1")
        told = hashlib.sha256(f"lifeboat repository 1 {owner} {config['nonce']}\n".encode()).hexdigest()[:32]
        if told != config["id"]: raise ValueError("its id does not follow from its owner")
        owners, n, document = [owner], 1, None
        while os.path.exists(f"{repo}/trust/{n}.json"):
            document = owned(f"{repo}/trust/{n}.json", owners)
            if (document["version"], document["repository"]) != (n, config["id"]): raise ValueError("it belongs elsewhere")
            owners, n = document["owners"], n + 1
        return config["id"], {(w["domain"], w["writer"]): (bytes.fromhex(w["key"]), w["last"]) for w in document["writers"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        fault(f"cannot tell who may write, so no signature is believed ({error}); each chunk is still checked")
        return None, {}

def snapshots(repo):
    uid, writers = trust(repo)
    found = []
    for folder, _, names in os.walk(f"{repo}/snapshots"):
        for path in (os.path.join(folder, name) for name in names):
            name = os.path.relpath(path, f"{repo}/snapshots")
            try:
                data = open(best(repo, path), "rb").read(); line, signature = data.rstrip(b"\n").split(b"\n")
                snapshot = json.loads(line)
                if snapshot["lifeboat_snapshot"] != 1: raise ValueError("not of format 1")
                if name[-64:] != hashlib.sha256(data).hexdigest(): raise ValueError("its name is not its SHA-256")
                if name[:-65] != f"{snapshot['domain']}/{snapshot['writer']}/{snapshot['seq']:010}": raise ValueError("it belongs elsewhere")
                key, last = writers.get((snapshot["domain"], snapshot["writer"]), (None, None))
                seq, _, digest = os.path.basename(name).partition("-")
                if last is not None: # its right has ended; what has a later name than its last is not believed
                    seq_last, _, digest_last = (last["snapshot"] or "-1-").rpartition("-")
                    if (int(seq), digest) > (int(seq_last), digest_last): key = None
                message = b"lifeboat writer statement 1\n" + line
                good = key and snapshot["repository"] == uid and signed(key, message, base64.b64decode(json.loads(signature)["signature"]))
                if not good: fault(f"snapshot {name} is not signed by a writer of this repository")
                found.append((snapshot["taken"], name, snapshot, bool(good)))
            except (OSError, ValueError, KeyError, TypeError) as error: fault(f"snapshot {name} is damaged: {error}")
    return sorted(found, key=lambda one: one[:2])

def age(identity, path):
    """The plaintext of an age file; the identity goes in through a pipe, so that it is nowhere on disk."""
    done = subprocess.run(["age", "-d", "-i", "-", path], input=identity, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode: raise ValueError("age does not open it: " + done.stderr.decode(errors="replace").split("\n")[0])
    return done.stdout

class Domain:
    """Packs and ids of one domain."""
    def __init__(self, repo, key, domain):
        self.repo, self.packs, self.epochs, self.name, keys, closed = repo, f"{repo}/packs/{domain}", [], domain, None, {}
        for name in sorted(os.listdir(f"{repo}/keys"), reverse=True): # an epoch has a new file whenever people came or went
            number = name.removesuffix(".age").partition(".")[0]
            if not name.startswith("epoch-") or closed.get(number, 0) is None: continue
            try: self.epochs.append(age(key, f"{repo}/keys/{name}")); closed[number] = None
            except ValueError as error: closed[number] = f"keys/{name}: {error}"
        for error in filter(None, closed.values()): fault(error)
        if not self.epochs: fail("KEY opens no epoch key: it is not a recovery key of this repository")
        folder, why = f"{repo}/keys/domain/{domain}", "there are none"
        for name in sorted(os.listdir(folder)):
            for epoch in self.epochs:
                try: keys = keys or dict(line.split() for line in age(epoch, f"{folder}/{name}").decode().splitlines()[1:])
                except ValueError as error: why = f"keys/domain/{domain}/{name}: {error}"
        if not keys: fail(f"the keys of domain {domain} cannot be opened ({why})")
        self.id_key = bytes.fromhex(keys["id"])

    def chunks(self, pack, kind):
        """Yields id and plaintext of each chunk of a pack, if the pack is of that kind (0 files, 1 directories)."""
        path = best(self.repo, f"{self.packs}/{pack[:2]}/{pack}")
        if hashlib.sha256(open(path, "rb").read()).hexdigest() != pack: fault(f"pack {pack}: its SHA-256 is not its name")
        plain = None
        for epoch in self.epochs:
            try: plain = age(epoch, path)
            except ValueError as error: why = error
        if plain is None: raise why
        # Tail: "lifeboat", start and length of the table frame; a skippable frame has eight bytes before its content.
        if plain[-24:-16] != b"lifeboat": raise ValueError("it has no tail")
        start, length = (int.from_bytes(plain[at:at + 8], "little") for at in (len(plain) - 16, len(plain) - 8))
        found, frames = versioned(plain[start + 8:start + length])
        if found != kind: return
        with tempfile.TemporaryFile() as file:
            file.write(plain); file.seek(0); plain = None
            zstd = subprocess.Popen(["zstd", "-dcq"], stdin=file, stdout=subprocess.PIPE)
            for _, chunks in frames:
                for name, size in chunks:
                    data = zstd.stdout.read(size)
                    if len(data) != size: zstd.kill(); zstd.wait(); raise ValueError("zstd does not decode it")
                    if hmac.digest(self.id_key, bytes([kind]) + data, "sha256") != name: fault(f"pack {pack}: a chunk is not what its id says")
                    else: yield name, data
            zstd.stdout.close(); zstd.wait()

    def all(self, packs, kind):
        for pack in packs:
            try: yield from self.chunks(pack, kind)
            except (OSError, ValueError, IndexError, TypeError) as error: fault(f"pack {pack}: {error}")

Entry = collections.namedtuple("Entry", "path meta what")

def entries(trees, root, path):
    """Every entry below a directory, parents before children."""
    try:
        nodes = list(sequence(b"".join(trees[name] for name, _ in root)))
    except (KeyError, ValueError, IndexError, TypeError):
        return fault(f"directory {show(path)} cannot be read")
    for name, kind, meta, what in nodes:
        if name in (b"", b".", b"..") or b"/" in name or b"\0" in name: fault(f"{show(path)}: a name that cannot be one"); continue
        below = os.path.join(path, name)
        # Further metadata by number: 4 is the group of a hard link, others may be passed over when they are even.
        if any(number % 2 for number, _ in meta[8]) or kind > 6: fault(f"{show(below)}: a newer lifeboat wrote it"); continue
        yield Entry(below, meta, (kind, what))
        if kind == 0: yield from entries(trees, what, below)

def show(path): return os.fsdecode(path).encode("unicode_escape", "surrogateescape").decode("ascii", "replace") or "/"

def spread(holes, at, data):
    """Where bytes at a place of a file's data stand in the file."""
    hollow = 0
    for start, length in holes:
        part = data[:max(0, start - hollow - at)]
        if part: yield at + hollow, part
        at, data, hollow = at + len(part), data[len(part):], hollow + length
    if data: yield at + hollow, data

def attributes(path, meta, link=False):
    mode, uid, gid, _, _, seconds, nanoseconds, xattrs, _ = meta
    try:
        if os.geteuid() == 0: os.chown(path, uid, gid, follow_symlinks=False)
        for name, value in xattrs:
            try: os.setxattr(path, name, value, follow_symlinks=False)
            except OSError as error: fault(f"{show(path)}: attribute {show(name)}: {error.strerror}")
        if not link: os.chmod(path, mode)
        when = seconds * 10**9 + nanoseconds
        os.utime(path, ns=(when, when), follow_symlinks=False)
    except OSError as error: fault(f"{show(path)}: {error.strerror}")

def restore(repo, key, wanted, out, only=b""):
    found = [snapshot for _, name, snapshot, _ in snapshots(repo) if name.startswith(wanted)]
    if len(found) > 1: fail(f"{wanted} is the beginning of {len(found)} restore points; see: recover.py list {repo}")
    if not found: fail(f"there is no restore point {wanted}; see: recover.py list {repo}")
    snapshot, out, only = found[0], os.fsencode(out), os.fsencode(only).strip(b"/")
    domain = Domain(repo, open(key, "rb").read(), snapshot["domain"])
    packs = base64.b64decode(snapshot["packs"]); packs = [packs[at:at + 32].hex() for at in range(0, len(packs), 32)]
    trees = dict(domain.all(packs, 1))
    root = [(bytes.fromhex(chunk["id"]), chunk["len"]) for chunk in snapshot["root"]]
    os.mkdir(out, 0o700)
    directories, links, files, places, first, same = [], [], {}, collections.defaultdict(list), {}, []
    for entry in entries(trees, root, b""):
        inside = not only or entry.path == only or entry.path.startswith(only + b"/")
        if not inside and not (entry.what[0] == 0 and only.startswith(entry.path + b"/")): continue
        path, (kind, what) = os.path.join(out, entry.path), entry.what
        try:
            if kind == 0: os.mkdir(path, 0o700); directories.append((path, entry.meta))
            elif kind == 2: links.append((path, entry.meta, what))
            elif kind == 3: os.mkfifo(path, 0o600); attributes(path, entry.meta)
            elif kind > 3: fault(f"{show(path)}: a socket or device; it is not restored")
            else:
                (size, content, holes), group = what, dict(entry.meta[8]).get(4)
                twin = first.setdefault((group, size, str(content)), path) if group else path
                if twin != path: same.append((twin, path)); continue # another name of a file that is there
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
                    file.truncate(size) # what is not written is a hole
                    if isinstance(content, bytes):
                        for place, part in spread(holes, 0, content): file.seek(place); file.write(part)
                        content = []
                files[path] = [entry.meta, len(content), holes]
                at = 0
                for name, length in content: places[name].append((path, at)); at += length
        except OSError as error: fault(f"{show(path)}: {error.strerror}")
    for name, data in domain.all(packs, 0):
        for path, at in places.pop(name, ()):
            try:
                with open(path, "r+b") as file:
                    for place, part in spread(files[path][2], at, data): file.seek(place); file.write(part)
                files[path][1] -= 1
            except OSError as error: fault(f"{show(path)}: {error.strerror}")
    for path, (meta, missing, _) in files.items():
        attributes(path, meta)
        if missing: fault(f"{show(path)}: {missing} of its chunks are missing; zeros are in their place")
    for twin, path in same:
        if files[twin][1]: fault(f"{show(path)}: {files[twin][1]} of its chunks are missing; zeros are in their place")
        try: os.link(twin, path, follow_symlinks=False)
        except OSError as error: fault(f"{show(path)}: {error.strerror}")
    for path, meta, target in links: # last, so that nothing above was written through a link
        try: os.symlink(target, path); attributes(path, meta, link=True)
        except OSError as error: fault(f"{show(path)}: {error.strerror}")
    for path, meta in reversed(directories): attributes(path, meta)
    print(f"restored {len(files) + len(same)} files, {len(directories)} directories, {len(links)} links to {show(out)}")

def main(arguments):
    if len(arguments) == 2 and arguments[0] == "list":
        for taken, name, snapshot, good in snapshots(arguments[1]):
            print(plain(name[:-56]), plain(taken), "complete" if snapshot["complete"] else "incomplete", "signed" if good else "NOT-SIGNED", sep="  ")
    elif len(arguments) in (5, 6) and arguments[0] == "restore": restore(*arguments[1:])
    else: fail(__doc__)
    sys.exit(1 if faults else 0)

main(sys.argv[1:])
