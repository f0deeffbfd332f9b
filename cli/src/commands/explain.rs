//! `lifeboat explain CODE`: what an error code or a plan rule means and what to do.

use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Codes of the command itself; rules of the plan explain themselves in `plans::rules`.
const PAGES: &str = include_str!("../explain.txt");

#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The code, like LB0211; leave it out for a list of all
    code: Option<String>,
}

#[derive(serde::Serialize)]
struct Page {
    code: String,
    title: String,
    text: String,
}

/// The pages: "LB0001 title", then lines of text, then a blank line.
fn own_pages() -> Vec<Page> {
    let page = |block: &str| {
        let (head, text) = block.split_once('\n')?;
        let (code, title) = head.split_once(' ')?;
        Some(Page { code: code.to_owned(), title: title.to_owned(), text: text.trim_end().to_owned() })
    };
    PAGES.split("\n\n").filter_map(page).collect()
}

/// All pages: the command's own, then the rules of the plan.
fn pages() -> Vec<Page> {
    let rule = |rule: &plans::rules::Rule| Page {
        code: rule.id.to_owned(),
        title: rule.title.to_owned(),
        text: [crate::output::wrap(rule.explanation, 78), vec![String::new()], crate::output::wrap(&rule.origin(), 78)].concat().join("\n"),
    };
    own_pages().into_iter().chain(plans::rules::all().map(rule)).collect()
}

/// Whether a code of the command has a page.
#[cfg(test)]
pub(crate) fn has_page(code: &str) -> bool {
    pages().iter().any(|page| page.code == code)
}

pub(crate) fn run(args: &ExplainArgs, output: Output) -> Result<Exit, Failure> {
    let pages = pages();
    let Some(code) = &args.code else {
        output.answer("codes", &pages, || pages.iter().map(|page| format!("{}  {}\n", page.code, page.title)).collect::<Vec<_>>().concat());
        return Ok(Exit::Done);
    };
    let wanted = code.to_ascii_uppercase();
    let Some(page) = pages.iter().find(|page| page.code == wanted) else {
        let near = pages.iter().map(|page| page.code.as_str()).min_by_key(|known| strsim::levenshtein(known, &wanted));
        let failure = Failure::new("LB0002", Exit::Usage, format!("there is no code {wanted}"));
        return Err(failure.fix(format!("lifeboat explain {}, or lifeboat explain for the list", near.unwrap_or("LB0001"))));
    };
    output.answer("explain", page, || format!("{}  {}\n\n{}\n", page.code, page.title, page.text));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every "LB0211" in the sources of this crate, with the file that has it.
    fn codes(folder: &Path, found: &mut BTreeSet<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for (at, _) in text.match_indices("\"LB") {
                    let code = text[at + 1..].chars().take(6).collect::<String>();
                    if code[2..].chars().all(|c| c.is_ascii_digit()) && text[at + 7..].starts_with('"') {
                        found.insert((code, path.display().to_string()));
                    }
                }
            }
        }
    }

    #[test]
    fn every_code_that_an_error_may_carry_has_a_page() {
        let mut found = BTreeSet::new();
        codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert!(found.len() > 20, "the search finds the codes that there are: {found:?}");
        let missing: Vec<_> = found.iter().filter(|(code, _)| !has_page(code)).collect();
        assert!(missing.is_empty(), "no page in explain.txt: {missing:#?}");
    }

    #[test]
    fn a_rule_of_the_plan_is_explained_like_an_error() {
        let pages = pages();
        let page = pages.iter().find(|page| page.code == "LB2104").unwrap();
        assert!(page.text.lines().all(|line| line.chars().count() <= 80));
        assert!(page.text.contains("\n\nSource: ISO 22301"), "{}", page.text);
    }

    #[test]
    fn pages_are_in_order_told_once_and_fit_eighty_columns() {
        let pages = own_pages();
        assert!(pages.is_sorted_by(|a, b| a.code < b.code), "{:?}", pages.iter().map(|page| &page.code).collect::<Vec<_>>());
        for page in &pages {
            assert!(!page.text.is_empty() && page.text.lines().all(|line| line.chars().count() <= 80), "{}", page.code);
        }
        assert_eq!(pages.len(), PAGES.lines().filter(|line| line.starts_with("LB0")).count(), "a page that cannot be parsed is lost");
    }
}
