//! People of the plan, their keys, and the stock tools that they use: `ssh-keygen`, `sh`, `python3`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::Place;

/// Two people: Daria owns the service and signs reviews, Wei keeps a key and may sign nothing.
const PEOPLE: &str = "
contacts:
  d.petrova: {name: Daria Petrova, role: [service-owner], ssh_key: \"DARIA\"}
  j.wei: {name: Jun Wei, role: [custodian], ssh_key: \"WEI\"}
threats:
  T-01: {title: Ransomware, likelihood: 3, impact: 5, services: [web], treat: reduce, owner: d.petrova, reviewed: 2026-11-01}
review: {every: 6 months, sign: {roles: [service-owner]}}
";

/// Gives the plan two people with keys of their own: "daria" and "wei", beside the plan.
pub(crate) fn join(place: &Place) {
    let keys = ["daria", "wei"].map(|name| ssh_key(place, name));
    let public = keys.map(|key| std::fs::read_to_string(key.with_extension("pub")).unwrap());
    let [daria, wei] = public.each_ref().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    let people = PEOPLE.replace("DARIA", &daria).replace("WEI", &wei);
    std::fs::write(place.plan(), std::fs::read_to_string(place.plan()).unwrap() + &people).unwrap();
}

/// Changes a text of the plan, which must be in it.
pub(crate) fn edit(place: &Place, from: &str, to: &str) {
    let text = std::fs::read_to_string(place.plan()).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(place.plan(), text.replace(from, to)).unwrap();
}

/// A key that `ssh-keygen` made.
pub(crate) fn ssh_key(place: &Place, name: &str) -> PathBuf {
    let path = place.path().join(name);
    let text = path.display().to_string();
    assert!(tool(place.path(), "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", &text]).0);
    path
}

/// Runs a stock tool in a folder: whether it ended well, and all that it said.
pub(crate) fn tool(folder: &Path, name: &str, args: &[&str]) -> (bool, String) {
    let output = Command::new(name).args(args).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
