//! The commands that bring data back, with lifeboat and without it, for the places of this plan, and the texts that they need.

use std::fmt::Write as _;

use plans::Plan;
use plans::plan::{Repository, Url};
use records::binder::{Block, Step};
use repository::repository::RECOVER_SCRIPT;

use super::steps::{quoted, step};
use super::{Source, note};

/// Puts the shares of a key together, in plain Python.
const COMBINE_SHARES: &str = include_str!("../../../docs/combine-shares.py");

/// The commands for whoever has lifeboat and a key.
pub(super) fn with_lifeboat(plan: &Plan) -> Vec<Block> {
    let mut steps = vec![
        step(
            "Put the plan of the recovery kit into a folder, and the secret key line of a custodian into a file.",
            Some("chmod 600 me.key"),
        ),
        step("List the restore points.", Some("lifeboat snapshots --plan PLAN --key-file me.key")),
    ];
    for service in plan.services.values().filter(|service| !service.external && !service.sources.is_empty()) {
        let command = format!("lifeboat restore {} --to NEW_FOLDER --plan PLAN --key-file me.key", service.id);
        steps.push(step(&format!("Restore {}.", service.title), Some(&command)));
    }
    vec![Block::Steps(steps)]
}

/// The commands for whoever has a shell, age, zstd, python3 and a key.
pub(super) fn without_lifeboat(source: &Source<'_>) -> Vec<Block> {
    let mut blocks = vec![
        note(
            "Needed: age, zstd and python3, which every Linux distribution has, and a recovery key. Work on a machine that you trust: whoever reads the key reads every backup.",
        ),
        Block::Steps(vec![
            step("Write the key line, AGE-SECRET-KEY-1…, into a file.", Some("umask 077; cat > me.key")),
            step(
                "Where the key was split, type the share lines of as many holders as the sheets ask for into files, and put them together with the script of the recovery kit.",
                Some("python3 combine-shares.py FILE1 FILE2 > me.key"),
            ),
        ]),
    ];
    for one in source.plan.repositories.values() {
        let place = source.places.iter().find(|place| place.id == one.id);
        blocks.push(Block::Heading(format!("From {}", one.id)));
        blocks.push(Block::Steps(of_place(one, place.and_then(|place| place.opened.as_ref().ok()).map(|opened| opened.id.as_str()))));
    }
    blocks.push(Block::Heading("Without the script".to_owned()));
    blocks.push(Block::Steps(vec![
        step(
            "A recovery key opens the key of the epoch; later epochs have higher numbers.",
            Some("age -d -i me.key repo/keys/epoch-1.age > epoch.key"),
        ),
        step(
            "A pack is an age file of zstd frames: this writes all that is in them into one file.",
            Some("for pack in repo/packs/*/*/*; do age -d -i epoch.key \"$pack\" | zstd -dcq; done > chunks"),
        ),
        step(
            "The name of a pack is the SHA-256 of its bytes: damaged ones are found without a key.",
            Some("for pack in repo/packs/*/*/*; do echo \"${pack##*/}  $pack\"; done | sha256sum -c --quiet"),
        ),
        step("Leave no key behind.", Some("rm me.key epoch.key")),
    ]));
    blocks
}

fn of_place(one: &Repository, id: Option<&str>) -> Vec<Step> {
    let mut steps = vec![fetch(&one.url)];
    let look = match id {
        Some(id) => format!("Look that it is this one: its id must be {id}."),
        None => "Look at its id. It could not be asked when this binder was made: compare it with a recovery sheet.".to_owned(),
    };
    steps.push(step(&look, Some("head -n 1 repo/repository.json")));
    steps.push(step(
        "List the restore points. The script lies in the repository; the recovery kit has its text, in case you do not trust the storage.",
        Some("python3 repo/recover/recover.py list repo"),
    ));
    steps.push(step(
        "Restore one: its name as listed in the place of POINT. The folder out must not exist yet; a path behind it restores a part.",
        Some("python3 repo/recover/recover.py restore repo me.key POINT out"),
    ));
    steps
}

/// The command that copies a repository into the folder `repo`.
fn fetch(url: &Url) -> Step {
    match url {
        Url::File { path } => {
            let from = quoted(&path.display().to_string());
            step("Copy the folder, or use it where it is.", Some(&format!("cp -a {from} repo")))
        }
        Url::S3 { bucket, prefix, region, endpoint, .. } => {
            let from = if prefix.is_empty() { format!("s3://{bucket}") } else { format!("s3://{bucket}/{prefix}") };
            let mut command = format!("aws s3 sync {} repo", quoted(&from));
            if let Some(endpoint) = endpoint {
                let _ = write!(command, " --endpoint-url {}", quoted(endpoint)); // writing to a String cannot fail
            }
            if let Some(region) = region {
                let _ = write!(command, " --region {}", quoted(region));
            }
            step("Copy the bucket with any S3 tool that keeps the names, and a credential that may read it.", Some(&command))
        }
    }
}

/// The plan and the scripts, as they are.
pub(super) fn kit(source: &Source<'_>) -> Vec<Block> {
    let name =
        |path: &str| std::path::Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned());
    let mut blocks = vec![note("Copy each text into a file of its name. The SHA-256 tells whether it was copied as it is.")];
    let file = |name: String, text: &str| Block::File { name, text: text.to_owned() };
    blocks.extend(source.texts.iter().map(|text| file(name(&text.name), &text.text)));
    blocks.push(file("recover.py".to_owned(), RECOVER_SCRIPT));
    blocks.push(file("combine-shares.py".to_owned(), COMBINE_SHARES));
    blocks
}
