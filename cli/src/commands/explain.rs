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
fn pages() -> Vec<Page> {
    let page = |block: &str| {
        let (head, text) = block.split_once('\n')?;
        let (code, title) = head.split_once(' ')?;
        Some(Page { code: code.to_owned(), title: title.to_owned(), text: text.trim_end().to_owned() })
    };
    PAGES.split("\n\n").filter_map(page).collect()
}

/// Whether a code of the command has a page.
#[cfg(test)]
pub(crate) fn has_page(code: &str) -> bool {
    pages().iter().any(|page| page.code == code)
}

pub(crate) fn run(args: &ExplainArgs, output: Output) -> Result<Exit, Failure> {
    let pages = pages();
    let Some(code) = &args.code else {
        output.answer("codes", &pages, || pages.iter().map(|page| format!("{}  {}\n", page.code, page.title)).collect());
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
