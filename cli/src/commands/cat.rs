//! `lifeboat cat`: the bytes of one file of a restore point, on standard output.

use std::ffi::OsString;
use std::io::ErrorKind;

use base::id::RepositoryId;
use restore::list::{ListError, cat};

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;
use crate::{plan_files, points, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct CatArgs {
    /// Restore point, by the beginning of its id or as a source or service (its newest), and the path of a file in it
    #[arg(value_name = "POINT:PATH")]
    point: OsString,
    /// Read from this repository of the plan
    #[arg(long, value_name = "REPOSITORY")]
    from: Option<RepositoryId>,
}

pub(crate) async fn run(args: &CatArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let address = points::address(&args.point)?;
    let Some(path) = address.path else {
        return Err(Failure::new("LB0003", Exit::Usage, "no file is named")
            .fix(format!("write {}:PATH; lifeboat ls {0} shows what is there", address.point.as_str())));
    };
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let rule = points::rule(&plan, &address.point, None)?;
    let chosen = points::find(&parts, &plan, &rule, args.from.as_ref(), None, output).await?;
    let mut print = |bytes: &[u8]| output.bytes(bytes).map_err(Into::into);
    match cat(&chosen.reader, &chosen.snapshot, &path, &mut print).await {
        Ok(_) => output.flush().map_or(Ok(Exit::Done), |error| gone(&error)),
        Err(ListError::Read { source: repository::reader::ReadError::Sink(error), .. }) => match error.downcast_ref::<std::io::Error>() {
            Some(error) => gone(error),
            None => Err(Failure::from_error("LB0001", Exit::Failed, &*error)),
        },
        Err(error) => Err(error.into()),
    }
}

/// Whoever read the output is gone (`lifeboat cat … | head`), which is no error of ours; anything else is.
fn gone(error: &std::io::Error) -> Result<Exit, Failure> {
    if error.kind() == ErrorKind::BrokenPipe {
        return Ok(Exit::Done);
    }
    Err(Failure { causes: vec![error.to_string()], ..Failure::new("LB0008", Exit::Failed, "cannot write to standard output") })
}
