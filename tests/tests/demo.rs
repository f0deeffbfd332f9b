//! The demo goes the whole way once; the script itself checks the exit code of each step.

use std::process::Command;
use std::time::Duration;

use lifeboat_tests::{lifeboat, workspace};

use crate::place::start;

#[test]
fn the_demo_goes_the_whole_way_from_a_plan_to_verified_evidence() {
    let bin = lifeboat().parent().unwrap();
    let mut command = Command::new("bash");
    command.arg(workspace().join("scripts/demo")).env("LIFEBOAT_BIN", bin);
    let said = start(&mut command).end_within(Duration::from_mins(5)).exits(0);
    // One sign of each station that somebody could take out of the script.
    let stations = ["PASSED", "review overdue", "no difference", "(exit 20,", "(exit 30,", "(exit 32,", "That was the whole way"];
    said.says(&stations);
}
