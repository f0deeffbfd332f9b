//! Appends to a journal until it is killed, and prints the number and hash of each entry that was acknowledged.
//!
//! The tests start it, kill it, and look for every entry that it printed. Usage: `journal_writer PATH NAME [COUNT]`.

use std::io::Write as _;
use std::path::PathBuf;

use base::Clock as _;
use base::clock::SystemClock;
use lifeboat_records::event::DaemonStopped;
use lifeboat_records::{Actor, ActorKind, Journal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (path, name) = (PathBuf::from(arguments.next().ok_or("no path")?), arguments.next().ok_or("no name")?);
    let count: u64 = arguments.next().map_or(Ok(u64::MAX), |count| count.parse())?;
    let clock = SystemClock::new();
    let journal = Journal::open(&path).await?.with_boot_clock(lifeboat_records::journal::machine_boot_time);
    let actor = Actor::new(ActorKind::Program, name.clone(), "localhost");
    let mut out = std::io::stdout();
    for i in 0..count {
        let event = DaemonStopped { host: name.clone(), reason: format!("turn {i}") };
        let entry = journal.append(&actor, event, clock.now()).await?;
        writeln!(out, "{} {}", entry.seq, entry.hash)?;
        out.flush()?;
    }
    Ok(())
}
