//! Counts for people, in groups of three digits.

/// "18,204".
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "1 file", "18,204 files": a count with its word, which gets an "s" unless there is one.
pub(crate) fn counted(n: u64, word: &str) -> String {
    format!("{} {word}{}", grouped(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        for (n, text) in [(0, "0"), (7, "7"), (999, "999"), (1000, "1,000"), (18_204, "18,204"), (123_456_789, "123,456,789")] {
            assert_eq!(grouped(n), text);
        }
    }

    #[test]
    fn one_of_a_kind_has_no_plural() {
        assert_eq!((counted(1, "file"), counted(2, "file"), counted(0, "file")), ("1 file".into(), "2 files".into(), "0 files".into()));
    }
}
