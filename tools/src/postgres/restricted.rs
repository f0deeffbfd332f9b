//! A plain dump on its way into psql, which may run nothing of it but SQL.
//!
//! psql has commands of its own that start programs and write files of whoever runs it (`\!`, `\copy … program`, `\o`), and a plain dump is
//! as trustworthy as the host that stored it. `\restrict KEY` takes them all away until `\unrestrict` comes with the same key, which only
//! this process knows. The pair of lines that `pg_dump` itself writes around a dump would stand in the way, and is left out: the first where
//! nothing but comments came before it, the last where nothing but empty lines comes behind it, so that no line of data is ever touched.

use std::io::{self, Write};

/// How far the first line that is no comment is looked for, and how much of the end is looked at, in bytes.
const REACH: usize = 64 << 10;

/// Passes a dump on behind `\restrict`.
#[derive(Debug)]
pub struct Restricted<W> {
    inner: W,
    /// What was not passed on yet: the beginning until its first statement is known, later always the end.
    held: Vec<u8>,
    /// The line that ends what `pg_dump` restricted.
    last: Option<Vec<u8>>,
    begun: bool,
}

impl<W: Write> Restricted<W> {
    /// Restricts psql by `key`, which nobody who made the dump can know: letters and digits.
    pub fn new(mut inner: W, key: &str) -> io::Result<Self> {
        writeln!(inner, "\\restrict {key}")?;
        Ok(Self { inner, held: Vec::new(), last: None, begun: false })
    }

    /// Passes on what is held back, without the last line of the dump's own pair, and gives back the pipe.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.begun {
            self.begin(true);
        }
        if let Some(last) = &self.last {
            let end = self.held.trim_ascii_end().len();
            let from = end.saturating_sub(last.len());
            let starts_line = from == 0 || self.held.get(from - 1) == Some(&b'\n');
            if starts_line && self.held.get(from..end) == Some(last.as_slice()) {
                self.held.truncate(from);
            }
        }
        self.inner.write_all(&self.held)?;
        Ok(self.inner)
    }

    /// Takes the first line of the pair out of what is held, once the first line that is no comment is whole.
    fn begin(&mut self, ended: bool) {
        let mut at = 0;
        while let Some(rest) = self.held.get(at..) {
            let Some(length) = rest.iter().position(|byte| *byte == b'\n').map(|n| n + 1).or_else(|| ended.then_some(rest.len())) else {
                self.begun = self.held.len() >= REACH;
                return;
            };
            let line = rest.get(..length).unwrap_or_default().trim_ascii();
            if line.is_empty() && at < self.held.len() || line.starts_with(b"--") {
                at += length;
                continue;
            }
            if let Some(key) = line.strip_prefix(b"\\restrict ") {
                self.last = Some([b"\\unrestrict ", key].concat());
                self.held.drain(at..at + length);
            }
            break;
        }
        self.begun = true;
    }
}

impl<W: Write> Write for Restricted<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(piece);
        if !self.begun {
            self.begin(false);
        }
        if self.begun && self.held.len() > REACH {
            let passed = self.held.len() - REACH;
            self.inner.write_all(self.held.get(..passed).unwrap_or_default())?;
            self.held.drain(..passed);
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passed(dump: &[u8], piece: usize) -> Vec<u8> {
        let mut restricted = Restricted::new(Vec::new(), "k1").unwrap();
        for part in dump.chunks(piece) {
            restricted.write_all(part).unwrap();
        }
        restricted.finish().unwrap()
    }

    #[test]
    fn the_pair_of_pg_dump_is_left_out_and_everything_else_stays() {
        let cases: [(&str, &str); 7] = [
            ("--\n-- dump\n--\n\n\\restrict abc\n\nselect 1;\n\n\\unrestrict abc\n\n", "--\n-- dump\n--\n\n\nselect 1;\n\n"),
            ("select 1;\n\\restrict abc\n\\unrestrict abc\n", "select 1;\n\\restrict abc\n\\unrestrict abc\n"),
            ("\\restrict abc\nselect 1;\n\\unrestrict xyz\n", "select 1;\n\\unrestrict xyz\n"),
            ("\\restrict abc\n\\unrestrict abc\n\\! id\n", "\\unrestrict abc\n\\! id\n"),
            ("\\restrict abc\nx\\unrestrict abc\n", "x\\unrestrict abc\n"),
            ("\\restrict abc", ""),
            ("", ""),
        ];
        for (dump, left) in cases {
            for piece in 1..40 {
                assert_eq!(passed(dump.as_bytes(), piece), format!("\\restrict k1\n{left}").into_bytes(), "{dump:?} in pieces of {piece}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_dump_without_the_pair_is_passed_on_to_the_byte(dump in proptest::collection::vec(any::<u8>(), 0..2000), n in 1..90_usize, times in 1..70_usize) {
            let dump = [b"select 1;\n".to_vec(), dump.repeat(times)].concat();
            prop_assert_eq!(passed(&dump, n * 61), [b"\\restrict k1\n".to_vec(), dump].concat());
        }
    }
}
