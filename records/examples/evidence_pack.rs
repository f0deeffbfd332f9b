//! Writes a pack of invented figures, to look at: `evidence_pack FOLDER smallest|hostile|long|N`, N being how many services.

extern crate lifeboat_records as records;

#[path = "../tests/main/sample.rs"]
mod sample;

use std::io::Write as _;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (folder, what) = (PathBuf::from(arguments.next().ok_or("no folder")?), arguments.next().ok_or("no kind")?);
    let input = match what.as_str() {
        "smallest" => sample::smallest(),
        "hostile" => sample::hostile(),
        "long" => sample::long_names(),
        n => sample::quarter(n.parse()?),
    };
    let exported = records::evidence::export(&input, &sample::issuer(), &folder)?;
    writeln!(std::io::stdout(), "{}\n{}", exported.answer, exported.manifest_digest)?;
    Ok(())
}
