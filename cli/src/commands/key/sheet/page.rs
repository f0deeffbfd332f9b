//! The recovery sheet as one HTML file for a printer: nothing is loaded from elsewhere, it fits on A4, and it reads well on a dark screen, too.

use std::fmt::Write as _;

use jiff::Timestamp;
use repository::keys::{KeyPrint, OnSheet, Sheet};
use repository::repository::Repository;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --soft: #555; --line: #999; --box: #f4f4f4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #161616; --soft: #aaa; --line: #666; --box: #242424; } }
* { box-sizing: border-box; }
body { margin: 2rem auto; max-width: 46rem; padding: 0 1rem; color: var(--ink); background: var(--paper); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.05rem; margin: 1.4rem 0 .4rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); }
dl { display: grid; grid-template-columns: 8.5rem 1fr; gap: .25rem 1rem; margin: 1rem 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code { font: .92em/1.5 ui-monospace, 'DejaVu Sans Mono', monospace; overflow-wrap: anywhere; }
.secret { border: 2px solid var(--ink); padding: .6rem .8rem; margin: 1rem 0; break-inside: avoid; } .secret code { font-size: 1.05em; }
.warning { border-left: .3rem solid var(--ink); padding-left: .6rem; font-weight: 600; }
ol { padding-left: 1.4rem; margin: .3rem 0; } li { margin: .3rem 0; break-inside: avoid; } li code { background: var(--box); padding: .05rem .3rem; }
footer { margin-top: 1.6rem; border-top: 1px solid var(--line); padding-top: .4rem; color: var(--soft); font-size: .85em; }
@page { size: A4; margin: 18mm; }
@media print {
  :root { color-scheme: light; --ink: #000; --paper: #fff; --soft: #333; --line: #777; --box: #fff; }
  body { margin: 0; padding: 0; max-width: none; font-size: 10.5pt; } li code { padding: 0; }
}
";

/// The page for `sheet`, made at `now`.
pub(super) fn page(opened: &Repository, sheet: &Sheet<'_>, now: Timestamp) -> String {
    let location = opened.store().location();
    let (id, print) = (opened.id().to_string(), KeyPrint::of(sheet.recipient).to_string());
    let created = opened.config().created.strftime("%Y-%m-%d").to_string();
    let mut body = String::from(
        "<h1>Recovery sheet</h1>\n<p class=\"soft\">Restores the backups of this repository, with lifeboat or without it.</p>\n<dl>\n",
    );
    for (what, value) in [
        ("Repository", location.as_str()),
        ("Id", &id),
        ("Made on", &created),
        ("Kept by", sheet.custodian.unwrap_or("not noted")),
        ("Public key", sheet.recipient),
        ("Fingerprint", &print),
    ] {
        let _ = writeln!(body, "<dt>{what}</dt><dd><code>{}</code></dd>", escaped(value)); // a String takes all
    }
    body += "</dl>\n";
    if !opened.trust().recipients().iter().any(|listed| listed == sheet.recipient) {
        body += "<p class=\"warning\">The repository does not list this key. It opens nothing there.</p>\n";
    }
    let held = match sheet.holds {
        OnSheet::Nothing => "<p>The secret key is not on this sheet: whoever keeps it has it elsewhere.</p>\n".to_owned(),
        OnSheet::Key(secret) => format!(
            "<div class=\"secret\"><p><strong>Secret key.</strong> Whoever reads this line reads every backup.</p><code>{}</code></div>\n",
            escaped(secret)
        ),
        OnSheet::Share(share) => format!(
            "<div class=\"secret\"><p><strong>Share {} of {}, set {}.</strong> Any {} of them give the key back; one alone tells nothing of \
             it.</p><code>{}</code></div>\n",
            share.number(),
            share.of(),
            share.set(),
            share.need(),
            escaped(&share.to_groups())
        ),
    };
    body += &held;
    for (title, steps) in sheet.steps() {
        let _ = writeln!(body, "<h2>{}</h2>\n<ol>", escaped(title));
        for step in steps {
            let _ = writeln!(body, "<li>{}</li>", with_code(&step));
        }
        body += "</ol>\n";
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Recovery sheet of {id}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}<footer>Printed {}. Compare the id with the one in \
         repository.json before you type a key.</footer>\n</body>\n</html>\n",
        now.strftime("%Y-%m-%d"),
    )
}

/// Text with the commands between backticks set apart.
fn with_code(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split('`').enumerate() {
        let part = escaped(part);
        if n % 2 == 1 {
            out.extend(["<code>", &part, "</code>"]);
        } else {
            out += &part;
        }
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_the_plan_cannot_become_part_of_the_page() {
        assert_eq!(escaped("<b onclick=\"x\">&'"), "&lt;b onclick=&quot;x&quot;&gt;&amp;&#39;");
        assert_eq!(with_code("write `a<b` down"), "write <code>a&lt;b</code> down");
    }
}
