//! `lifeboat version`.

use repository::format::limits::FORMAT;

use crate::failure::{Exit, Failure};
use crate::output::Output;

#[derive(serde::Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the answer in JSON")]
struct Version {
    version: &'static str,
    repository_format: u32,
    plan_version: u32,
}

#[expect(clippy::unnecessary_wraps, reason = "all commands answer alike")]
pub(crate) fn run(output: Output) -> Result<Exit, Failure> {
    let version = Version { version: env!("CARGO_PKG_VERSION"), repository_format: FORMAT, plan_version: 1 };
    output.answer("version", &version, || {
        format!("lifeboat {}\nrepository format {}, plan version {}\n", version.version, version.repository_format, version.plan_version)
    });
    Ok(Exit::Done)
}
