//! Recovery keys on devices: a tiny age plugin stands for the device, from the making of a repository to a restore.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;

use crate::people::tool;
use crate::place::{Place, Said, picture, said};

/// Speaks both halves of the age plugin protocol. Its cipher is a toy: what is tested is who is asked, and for what.
const PLUGIN: &str = r#"#!/usr/bin/env python3
import base64, hashlib, os, sys

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

def polymod(values):
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1ffffff) << 5 ^ value
        for bit, generator in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            check ^= generator if top >> bit & 1 else 0
    return check

def bech32(name, data):
    bits = int.from_bytes(data, "big") << (-len(data) * 8 % 5)
    n = (len(data) * 8 + 4) // 5
    values = [bits >> 5 * (n - 1 - at) & 31 for at in range(n)]
    spread = [ord(c) >> 5 for c in name] + [0] + [ord(c) & 31 for c in name]
    check = polymod(spread + values + [0] * 6) ^ 1
    values += [check >> 5 * (5 - at) & 31 for at in range(6)]
    return name + "1" + "".join(LETTERS[value] for value in values)

def data_of(text):
    text = text.lower()
    values = [LETTERS.index(c) for c in text[text.rindex("1") + 1:-6]]
    bits = 0
    for value in values:
        bits = bits << 5 | value
    n = len(values) * 5 // 8
    return (bits >> (len(values) * 5 - n * 8)).to_bytes(n, "big")

def read():
    words = sys.stdin.readline().rstrip("\n").split(" ")[1:]
    body = ""
    while True:
        line = sys.stdin.readline().rstrip("\n")
        body += line
        if len(line) < 64:
            return words, base64.b64decode(body + "=" * (-len(body) % 4))

def write(words, body=b""):
    text = base64.b64encode(body).decode().rstrip("=")
    lines = [text[at:at + 64] for at in range(0, len(text), 64)] or [""]
    if len(lines[-1]) == 64:
        lines.append("")
    print("-> " + " ".join(words), *lines, sep="\n", flush=True)

def ask(words, body=b""):
    write(words, body)
    return read()

def masked(data, key):
    return bytes(a ^ b for a, b in zip(key, hashlib.sha256(b"toy" + data).digest()))

def phase():
    while True:
        words, body = read()
        if words[0] == "done":
            return
        yield words, body

if sys.argv[1] == "keygen":
    print(bech32("age1toy", b"the device number 7"))
    print(bech32("age-plugin-toy-", b"the device number 7").upper())
elif sys.argv[1] == "--age-plugin=recipient-v1":
    people, keys = [], []
    for words, body in phase():
        if words[0] == "add-recipient":
            people.append(data_of(words[1]))
        elif words[0] == "wrap-file-key":
            keys.append(body)
    for n, key in enumerate(keys):
        for data in people:
            ask(["recipient-stanza", str(n), "toy"], masked(data, key))
    write(["done"])
elif sys.argv[1] == "--age-plugin=identity-v1":
    devices, files = [], {}
    for words, body in phase():
        if words[0] == "add-identity":
            devices.append(data_of(words[1]))
        elif words[0] == "recipient-stanza" and words[2] == "toy":
            files.setdefault(words[1], []).append(body)
    if os.path.exists(__file__ + ".locked"):
        ask(["error", "identity", "0"], b"nobody touched the device")
    else:
        for n, stanzas in files.items():
            ask(["file-key", n], masked(devices[0], stanzas[0]))
    write(["done"])
"#;

/// Runs a command where the plugin's program can be found.
fn run<I: Into<OsString>>(place: &Place, args: impl IntoIterator<Item = I>) -> Said {
    let mut path = place.path().join("bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    said(place.command().env("PATH", path).args(args.into_iter().map(Into::into)).output().unwrap())
}

#[test]
fn a_key_on_a_device_opens_what_was_backed_up_from_init_to_restore() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("bin")).unwrap();
    let program = place.path().join("bin/age-plugin-toy");
    std::fs::write(&program, PLUGIN).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (ok, keys) = tool(place.path(), "bin/age-plugin-toy", &["keygen"]);
    assert!(ok, "{keys}");
    let (recipient, identity) = keys.trim().split_once('\n').unwrap();
    std::fs::write(place.path().join("device.key"), format!("{identity}\n")).unwrap();
    std::fs::set_permissions(place.path().join("device.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    run(&place, ["key", "new", "--for", "recovery", "--out", "paper.key"]).exits(0);
    let paper = tool(place.path(), "age-keygen", &["-y", "paper.key"]).1;

    let (source, repository) = (place.source().display().to_string(), place.repository().display().to_string());
    let made = [
        "init",
        "--service",
        "web",
        "--source",
        &source,
        "--repository",
        &repository,
        "--recipient",
        recipient,
        "--recipient",
        paper.trim(),
    ];
    run(&place, made).exits(0);
    run(&place, ["backup"]).exits(0);
    for key in ["device.key", "paper.key"] {
        run(&place, ["restore", "web", "--to", &format!("from-{key}"), "--key-file", key]).exits(0);
        let restored = place.restored(&place.path().join(format!("from-{key}")), "");
        assert_eq!(picture(&restored), picture(&place.source()), "{key}");
    }
    run(&place, ["key", "check", "--key-file", "device.key"]).exits(0).says(&["main: recovery-1 opened keys/canary-1.age"]);
    run(&place, ["key", "rotate", "--key-file", "device.key"]).exits(0).says(&["epoch 2"]);
    run(&place, ["backup"]).exits(0);
    run(&place, ["check", "--read-data", "--key-file", "device.key"]).exits(0);
    run(&place, ["key", "split", "--need", "2", "--of", "2", "--key-file", "device.key"]).exits(12).warns(&["cannot be copied"]);

    // The device says no, and then its program is not there at all: neither is damage.
    std::fs::write(place.path().join("bin/age-plugin-toy.locked"), b"").unwrap();
    let locked = run(&place, ["key", "check", "--key-file", "device.key"]).exits(12);
    locked.says(&["the age plugin \"toy\" cannot be used", "nobody touched the device"]);
    run(&place, ["restore", "web", "--to", "no", "--key-file", "device.key"]).exits(12).warns(&["nobody touched the device"]);
    place.run(["restore", "web", "--to", "no", "--key-file", "device.key"]).exits(12).warns(&["install age-plugin-toy"]);
}
