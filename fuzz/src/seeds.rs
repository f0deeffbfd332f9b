//! Writes down what the targets begin with: `seeds FOLDER` makes a folder for each target.

use std::path::Path;

use base::Digest;

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).expect("seeds FOLDER");
    for (target, bytes) in lifeboat_fuzz::seeds() {
        let place = Path::new(&folder).join(target);
        std::fs::create_dir_all(&place)?;
        std::fs::write(place.join(Digest::of(&bytes).to_string()), bytes)?;
    }
    Ok(())
}
