//! `lifeboat man`: the manual page in roff, `lifeboat man | man -l -`.

use clap::CommandFactory as _;

use crate::arguments::Arguments;
use crate::failure::{Exit, Failure};
use crate::output::Output;

pub(crate) fn run(output: Output) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let manual = clap_mangen::Man::new(Arguments::command());
    manual.render(&mut page).map_err(|error| Failure::from_error("LB0001", Exit::Failed, &error))?;
    output.data(&String::from_utf8_lossy(&page));
    Ok(Exit::Done)
}
