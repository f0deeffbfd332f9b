//! `lifeboat plan schema`.

use crate::failure::{Exit, Failure};
use crate::output::Output;

pub(crate) fn run(output: Output) -> Result<Exit, Failure> {
    let schema =
        serde_json::to_string_pretty(&plans::schema::json_schema()).map_err(|error| Failure::from_error("LB0001", Exit::Failed, &error))?;
    output.data(&schema);
    Ok(Exit::Done)
}
