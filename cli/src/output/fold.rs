//! Long sentences on a narrow terminal: a word in front, the rest folded at blanks and indented under itself.

use super::printable;

/// Columns that every terminal has.
const WIDTH: usize = 80;

/// `text` in lines of at most 80 columns, the first one after `word`, the others indented as far. A word longer than that stays whole.
pub(crate) fn folded(word: &str, text: &str) -> String {
    let indent = word.chars().count() + 2;
    let mut out = format!("{word}  ");
    let mut column = indent;
    for part in printable(text).split_whitespace() {
        let length = part.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        }
        if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(part);
        column += length;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_fit_eighty_columns_and_lose_no_word() {
        let text = "a sentence of many words ".repeat(12);
        let out = folded("FAIL", &text);
        assert!(out.lines().count() > 3 && out.lines().all(|line| line.chars().count() <= WIDTH), "{out}");
        assert_eq!(out.split_whitespace().skip(1).collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        assert!(folded(" ok ", &"x".repeat(100)).starts_with(" ok   xxx"));
    }
}
